package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"aead.dev/minisign"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"chartseal"
	"chartseal/watch"
)

func approveCmd(a *app) *cobra.Command {
	var keyFile string
	var book bool
	c := &cobra.Command{
		Use:   "approve ORDER | --book",
		Short: "Sign an order file, or the recipient book, with an approver's key",
		Long: `Signs the exact bytes of an order file and writes ORDER.minisig beside it. Drop
both into the outbox. An order changed after this is held. Of a PDF form it first
shows what chartseal reads in it, which is what is approved.

With --book it signs the recipient book of the configuration. Look at every
recipient and key before: whoever is in the book can be sent records.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if book != (len(args) == 0) || len(args) > 1 {
				return usage(errors.New("name one order file, or --book for the recipient book"))
			}
			if book {
				return a.approveBook(cmd, keyFile)
			}
			if err := signFile(keyFile, args[0], func(data []byte) error { return a.showForm(cmd, args[0], data) }); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Approved. Drop the order and its %s file into the outbox together.\n", watch.SignatureSuffix)
			return err
		},
	}
	c.Flags().StringVarP(&keyFile, "key", "k", "", "the approver's private key (made with 'chartseal key approver')")
	c.Flags().BoolVar(&book, "book", false, "sign the recipient book")
	_ = c.MarkFlagRequired("key")
	return c
}

// signFile signs the bytes of a file and puts the signature beside it. The new one
// appears whole: a daemon may be reading. The bytes are shown first.
func signFile(keyFile, file string, show func([]byte) error) error {
	key, err := approverKey(keyFile)
	if err != nil {
		return err
	}
	data, err := readBounded(file)
	if err != nil {
		return usage(err)
	}
	if err := show(data); err != nil {
		return err
	}
	return writeSignature(file, minisign.Sign(key, data))
}

func writeSignature(file string, sig []byte) error {
	name := file + watch.SignatureSuffix
	if err := os.WriteFile(name+".tmp", sig, 0o644); err != nil {
		return err
	}
	return watch.Replace(name+".tmp", name)
}

// approveBook signs the recipient book, if the daemon can read it and knows the key.
func (a *app) approveBook(cmd *cobra.Command, keyFile string) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	key, err := approverKey(keyFile)
	if err != nil {
		return err
	}
	sig, book, err := chartseal.SignBook(cfg, key)
	if err != nil {
		return usage(err)
	}
	if err := writeSignature(cfg.Recipients, sig); err != nil {
		return err
	}
	p := &printer{w: cmd.OutOrStdout()}
	p.f("Signed: these recipients, and no others, can be sent records.\n")
	for _, name := range slices.Sorted(maps.Keys(book)) {
		r := book[name]
		p.f("  %-20s %s (%s), keys: %d\n", name, r.Name, r.Kind, len(r.Keys))
	}
	return p.err
}

// approverKey opens a private key; the passphrase comes from a prompt or from
// CHARTSEAL_PASSPHRASE, never from an argument.
func approverKey(file string) (minisign.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return minisign.PrivateKey{}, usage(fmt.Errorf("read key: %w", err))
	}
	b = []byte(plainText(b))
	if !minisign.IsEncrypted(b) {
		var k minisign.PrivateKey
		if err := k.UnmarshalText(b); err != nil {
			return k, usage(errors.New("this is no approver's key"))
		}
		return k, nil
	}
	pass, err := secret("Passphrase of the key: ")
	if err != nil {
		return minisign.PrivateKey{}, err
	}
	k, err := minisign.DecryptKey(pass, b)
	if err != nil {
		return k, usage(errors.New("the passphrase is wrong, or this is no approver's key"))
	}
	return k, nil
}

// secret asks for a secret without showing it.
func secret(prompt string) (string, error) {
	if s, ok := os.LookupEnv("CHARTSEAL_PASSPHRASE"); ok {
		return s, nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", usage(errors.New("a passphrase is needed: set CHARTSEAL_PASSPHRASE or run this in a terminal"))
	}
	fmt.Fprint(os.Stderr, prompt)
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", fmt.Errorf("read passphrase: %w", err)
	}
	return string(b), nil
}
