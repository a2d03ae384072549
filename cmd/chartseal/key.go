package main

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config/access"
	"chartseal/packager/seal"
)

func keyCmd(a *app) *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Make keys for recipients and approvers"}
	group(c)
	c.AddCommand(keyNewCmd(a), keyApproverCmd())
	return c
}

// practiceKey shows the practice's signing key, and makes it if there is none.
func (a *app) practiceKey(cmd *cobra.Command) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	key, made, err := chartseal.SigningKey(cfg)
	if err != nil {
		return err
	}
	p := &printer{w: cmd.OutOrStdout()}
	if made {
		p.f("The practice's private key is in %s: back it up, and give it to nobody.\n", filepath.Join(cfg.State, "keys", "practice.key"))
	} else {
		p.f("The practice has its key already; nothing was changed.\n")
	}
	p.f("Public key, which the letters to recipients show:\n%s\nKey number: %016X\n", key, key.ID())
	return p.err
}

func keyNewCmd(a *app) *cobra.Command {
	var out string
	var pq bool
	c := &cobra.Command{
		Use:   "new [specialist|practice]",
		Short: "Make a recipient's key pair (age), or the practice's own (minisign)",
		Long: `Makes an age key pair for a specialist who gets records often. The private key
stays with the specialist; the public key goes into the practice's recipient book.

With 'practice' it makes the key that the practice signs its bundles with, in the state
folder, as the first start of the daemon does, and prints the public key to be made
known. A key that is there is left alone and only shown.`,
		Args: cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"specialist", "practice"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "practice") {
				if cmd.Flags().Changed("output") || pq {
					return usage(errors.New("the practice's key has its place in the state folder, and one kind: leave out --output and --pq"))
				}
				return a.practiceKey(cmd)
			}
			k, err := seal.GenerateKey(pq)
			if err != nil {
				return err
			}
			if ok, err := writeSecret(out, k.File(time.Now())); err != nil || !ok {
				return errors.Join(err, exists(ok, out))
			}
			p := &printer{w: cmd.OutOrStdout()}
			p.f("The private key is in %s: keep it safe and give it to nobody.\nPublic key, for the recipient book:\n%s\n", out, k.Public)
			return p.err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "key.txt", "file for the private key")
	c.Flags().BoolVar(&pq, "pq", false, "a hybrid key that also withstands quantum computers (its public key is long)")
	return c
}

func keyApproverCmd() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "approver",
		Short: "Make an approver's signing key (minisign)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pub, key, err := minisign.GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			pass, err := secret("A passphrase for the new key: ")
			if err != nil {
				return err
			}
			text, err := minisign.EncryptKey(pass, key)
			if err != nil {
				return err
			}
			if ok, err := writeSecret(out, text); err != nil || !ok {
				return errors.Join(err, exists(ok, out))
			}
			p := &printer{w: cmd.OutOrStdout()}
			p.f("The private key is in %s.\nPublic key, for approval.approvers in chartseal.yaml:\n%s\n", out, pub.String())
			return p.err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "approver.key", "file for the private key")
	return c
}

// writeSecret writes a file only its owner reads, never over another.
func writeSecret(file string, b []byte) (bool, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err = access.CloseFile(file); err == nil {
		_, err = f.Write(b)
	}
	return true, errors.Join(err, f.Close())
}

func exists(made bool, file string) error {
	if made {
		return nil
	}
	return usage(errors.New(file + " is there already; it was not overwritten"))
}
