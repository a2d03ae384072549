package main

import (
	"crypto/rand"
	"errors"
	"os"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"chartseal/packager/seal"
)

func keyCmd(*app) *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Make keys for recipients and approvers"}
	group(c)
	c.AddCommand(keyNewCmd(), keyApproverCmd())
	return c
}

func keyNewCmd() *cobra.Command {
	var out string
	var pq bool
	c := &cobra.Command{
		Use:   "new",
		Short: "Make a recipient's key pair (age)",
		Long: `Makes an age key pair for a recipient who gets records often. The private key
stays with the recipient; the public key goes into the practice's recipient book.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
	_, err = f.Write(b)
	return true, errors.Join(err, f.Close())
}

func exists(made bool, file string) error {
	if made {
		return nil
	}
	return usage(errors.New(file + " is there already; it was not overwritten"))
}
