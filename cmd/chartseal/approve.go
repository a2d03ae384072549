package main

import (
	"errors"
	"fmt"
	"os"

	"aead.dev/minisign"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"chartseal/watch"
)

func approveCmd(*app) *cobra.Command {
	var keyFile string
	c := &cobra.Command{
		Use:   "approve ORDER",
		Short: "Sign an order file with an approver's key",
		Long: `Signs the exact bytes of an order file and writes ORDER.minisig beside it. Drop
both into the outbox. An order changed after this is held.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := approverKey(keyFile)
			if err != nil {
				return err
			}
			data, err := readBounded(args[0])
			if err != nil {
				return usage(err)
			}
			sig := minisign.Sign(key, data)
			if err := os.WriteFile(args[0]+watch.SignatureSuffix, sig, 0o644); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Approved. Drop the order and its %s file into the outbox together.\n", watch.SignatureSuffix)
			return err
		},
	}
	c.Flags().StringVarP(&keyFile, "key", "k", "", "the approver's private key (made with `chartseal key approver`)")
	_ = c.MarkFlagRequired("key")
	return c
}

// approverKey opens a private key; the passphrase comes from a prompt or from
// CHARTSEAL_PASSPHRASE, never from an argument.
func approverKey(file string) (minisign.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return minisign.PrivateKey{}, usage(fmt.Errorf("read key: %w", err))
	}
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
