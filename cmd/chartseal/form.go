package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/order/pdfform/paper"
	"chartseal/watch"
)

// formName is what the blank form is called.
const formName = "order-form.pdf"

func formCmd(a *app) *cobra.Command {
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "form",
		Short: "Make the practice's blank order form, a PDF to fill in",
		Long: `Makes the practice's order form: a PDF that is filled in on the screen, saved and
dropped into the outbox. It lists the recipient book, the approvers and the kinds of
records as they are now; make it again when they change. Forms made earlier stay
good.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			form, err := blankForm(cfg)
			if err != nil {
				return err
			}
			if err := writeForm(out, form, force); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The blank order form is in %s. Fill in a copy, save it and drop it into the outbox.\n", out)
			return err
		},
	}
	c.Flags().StringVarP(&out, "output", "o", formName, "file to write")
	c.Flags().BoolVarP(&force, "force", "f", false, "write over a file that is there")
	return c
}

func blankForm(cfg *config.Config) ([]byte, error) {
	practice, err := chartseal.OrderForm(cfg)
	if err != nil {
		return nil, err
	}
	return paper.Draw(practice, time.Now())
}

// writeForm writes the file whole, and over another one only if told to.
func writeForm(file string, form []byte, force bool) error {
	if !force {
		if _, err := os.Lstat(file); err == nil {
			return usage(errors.New(file + " is there already; it was not overwritten (--force does)"))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return usage(err)
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".order-form-*.tmp")
	if err != nil {
		return usage(err)
	}
	_, err = tmp.Write(form)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = watch.Replace(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
