package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/packager/seal"
)

func backupCmd(a *app) *cobra.Command {
	var o sealing
	c := &cobra.Command{
		Use:   "backup DEST",
		Short: "Copy the practice's state: keys, ledger, orders under way",
		Long: `Writes one file, sealed with age, that holds the state folder and the configuration.
The daemon may run meanwhile. DEST is a new file, or a folder in which the backup gets a
name of its own; nothing is overwritten. The copy is read back before it gets its name.

It is sealed for the keys given with --to, or for the escrow key of chartseal.yaml, or with
six words in a file of --passphrase-file, which is made if it is not there. Keep the private
key, or the words, where the backups are not: who has both can sign as the practice and reads
whose records went where. --plain writes a folder that is not sealed, for a program that
seals what it copies further.

Not in it: the records, the outbox with its answers, the folder of signed forms, files with
passwords and access keys, and a shared PostgreSQL database. Exit code 4: the backup was
written, and the ledger in it does not hold.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			to := chartseal.Destination{Path: args[0], Plain: o.plain}
			p := &printer{w: cmd.ErrOrStderr()}
			if to.To, err = o.recipients(cfg, p); err != nil {
				return err
			}
			r, err := chartseal.Backup(cmd.Context(), cfg, a.options(nil), to)
			if err != nil {
				return err
			}
			if a.json {
				err = printJSON(cmd.OutOrStdout(), r)
			} else {
				err = printBackup(&printer{w: cmd.OutOrStdout()}, r)
			}
			if err == nil && r.Ledger != "" {
				err = &exitError{exitUnverified, errors.New(r.Ledger + ". It was copied as it is")}
			}
			return err
		},
	}
	c.Flags().StringArrayVar(&o.to, "to", nil, "public age key that opens the backup (may be repeated)")
	c.Flags().StringVar(&o.words, "passphrase-file", "", "file with the six words that open it, instead of keys")
	c.Flags().BoolVar(&o.plain, "plain", false, "a folder of files that are not sealed")
	return c
}

// sealing says who can open a backup.
type sealing struct {
	to    []string
	words string
	plain bool
}

func (o *sealing) recipients(cfg *config.Config, p *printer) (to seal.Recipients, err error) {
	ways := 0
	for _, given := range []bool{len(o.to) > 0, o.words != "", o.plain} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return to, usage(errors.New("--to, --passphrase-file and --plain exclude each other"))
	case o.plain:
		return to, nil
	case o.words != "":
		return sealedWithWords(o.words, p)
	case len(o.to) == 0 && cfg.Bundle.Escrow != "":
		to, err = seal.ParseRecipients([]string{cfg.Bundle.Escrow})
	case len(o.to) == 0:
		return to, usage(errors.New("who is to open the backup? Give a public key with --to (chartseal key new makes a pair), or --passphrase-file, or set bundle.escrow in chartseal.yaml"))
	default:
		to, err = seal.ParseRecipients(o.to)
	}
	if err != nil {
		return to, usage(err)
	}
	return to, nil
}

// sealedWithWords reads the passphrase from a file, or makes both.
func sealedWithWords(file string, p *printer) (to seal.Recipients, err error) {
	words, err := wordsIn(file)
	if errors.Is(err, fs.ErrNotExist) {
		if words, err = seal.NewPassphrase(rand.Reader); err != nil {
			return to, err
		}
		ok, werr := writeSecret(file, []byte(words+"\n"))
		if err = errors.Join(werr, exists(ok, file)); err == nil {
			p.f("Six words that open the backups are now in %s: keep a copy apart from the backups and from this computer.\n", file)
		}
	}
	if err != nil {
		return to, usage(err)
	}
	if to, err = seal.WithPassphrase(words); err != nil {
		return to, usage(fmt.Errorf("%w: name a file that is not there yet, and it is made with new words", err))
	}
	return to, p.err
}

func wordsIn(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err == nil && len(b) > maxSecret {
		err = errors.New("the file with the passphrase is none")
	}
	return strings.TrimSpace(plainText(b)), err
}

func printBackup(p *printer, r chartseal.BackupReport) error {
	p.f("The backup is in %s: %d files and folders, %d ledger entries, read back and whole.\n", r.Path, r.Parts, r.Entries)
	if !r.Sealed {
		p.f("IT IS NOT SEALED: the practice's signing key and whose records went where lie open in it.\n")
	}
	if !r.Settled {
		p.f("Orders were worked on all the while, so its parts are of different moments, in the order that a restored folder needs.\n")
	}
	if r.Shared {
		p.f("The shared database is not in it: back that one up with PostgreSQL's own tools.\n")
	}
	p.f("The outbox, the records and the files with passwords are not in it.\n")
	return p.err
}

func restoreCmd(a *app) *cobra.Command {
	q := chartseal.Restoration{}
	var keyFile, words string
	c := &cobra.Command{
		Use:   "restore SOURCE",
		Short: "Bring a backup of the practice's state back",
		Long: `Brings a backup back into the state folder that chartseal.yaml names, which may be
another one than before, on another computer. The daemon must be stopped. All of the backup
is read and verified before anything is put in place. A state folder that holds something is
only replaced with --replace, and what it held is put aside in it.

The key to it is given with --identity, or its six words with --passphrase-file; else
CHARTSEAL_PASSPHRASE is taken, or asked for. On a computer without a configuration begin
with --config-to DIR, which copies that of the backup into a new folder; change the paths in
it, and restore with it.

An order that was sent after the backup is not sent again: its answer in the outbox shows
it. Entries that the ledger lacks, as its signed heads in the store or in a shared database
show, are told; then nothing is sent until "chartseal ledger accept". Exit code 4: the backup
or its ledger does not hold, and nothing was changed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Source, q.Unlock = args[0], func(head []byte) (seal.Identities, error) { return unlockBackup(head, keyFile, words) }
			var r chartseal.RestoreReport
			var err error
			if q.Config != "" {
				r, err = chartseal.RestoreConfig(q)
			} else {
				var cfg *config.Config
				if cfg, err = a.load(); err == nil {
					r, err = chartseal.Restore(cmd.Context(), cfg, a.options(nil), q)
				}
			}
			if err != nil {
				return restoreError(err)
			}
			if a.json {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return printRestore(&printer{w: cmd.OutOrStdout()}, r, q.Config)
		},
	}
	c.Flags().StringVarP(&keyFile, "identity", "i", "", "private key file (age or ssh) that opens the backup")
	c.Flags().StringVar(&words, "passphrase-file", "", "file with the six words that open it")
	c.Flags().BoolVar(&q.Replace, "replace", false, "put aside what the state folder holds")
	c.Flags().StringVar(&q.Config, "config-to", "", "only copy the configuration of the backup into this new folder")
	return c
}

func unlockBackup(head []byte, keyFile, words string) (ids seal.Identities, err error) {
	o := opening{keyFile: keyFile}
	if words != "" {
		if o.passphrase, err = wordsIn(words); err != nil {
			return ids, usage(err)
		}
	}
	return o.identities(head)
}

// restoreError picks the exit code: 4 for what does not hold.
func restoreError(err error) error {
	if errors.Is(err, chartseal.ErrBackup) || errors.Is(err, seal.ErrDamaged) || errors.Is(err, ledger.ErrBroken) {
		return &exitError{exitUnverified, fmt.Errorf("%w. Nothing was changed", err)}
	}
	return err
}

func printRestore(p *printer, r chartseal.RestoreReport, configTo string) error {
	p.f("The backup of %s, of the site %s.\nThe practice's key in it: %s\nCompare it with the one on a letter to a recipient: another key is another practice, or a forged backup.\n",
		r.BackupAt.Local().Format(minute), oneLine(r.Site), oneLine(r.Key))
	if configTo != "" {
		p.f("Its configuration is now in %s: %s. Change the paths in it, put the files with passwords and access keys beside it, and restore with it.\n", configTo, strings.Join(r.Config, ", "))
		return p.err
	}
	p.f("The state folder is restored, and its ledger holds: %d entries.\n", r.Entries)
	if r.Aside != "" {
		p.f("What was in the state folder before is in it, in %s. Keep it until all is well; then delete it.\n", r.Aside)
	}
	if r.NotCompared != "" {
		p.f("The ledger could not be compared with its heads in the store: %s.\n", strings.TrimSuffix(r.NotCompared, "."))
	}
	if r.Shared {
		p.f("The backup is of a practice with a shared database, which must be there, or be restored with PostgreSQL's own tools.\n")
	}
	if r.Distrusted != "" {
		p.f("\nTHE LEDGER LACKS ENTRIES%s: %s.\nNothing is sent until a person has seen that: look for a newer backup. If there is none:\n    chartseal ledger accept --by APPROVER --reason TEXT\n", lostWords(r.Lost), strings.TrimSuffix(r.Distrusted, "."))
	}
	p.f("Next: chartseal check, chartseal ledger verify, and start the daemon. What the receipts in the outbox show is not sent again.\n")
	return p.err
}
