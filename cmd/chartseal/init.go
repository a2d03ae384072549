package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"chartseal"
	"chartseal/config"
	"chartseal/order/schema"
)

func initCmd(*app) *cobra.Command {
	var s config.Starter
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a practice folder ready to edit",
		Long: `Makes DIR with chartseal.yaml, recipients.yaml, the folders outbox, records and
state, and blank order forms under forms. Files that are there already are left alone.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			made, err := initPractice(args[0], s)
			if err != nil {
				return err
			}
			if slices.Contains(made, filepath.Join(args[0], "chartseal.yaml")) { // else chartseal form makes it
				form, err := addForm(args[0])
				if err != nil {
					return err
				}
				made = append(made, form)
			}
			p := &printer{w: cmd.OutOrStdout()}
			for _, f := range made {
				p.f("made %s\n", f)
			}
			p.f("\nNext:\n  1. Edit %s: the practice, where the records are, who approves.\n", filepath.Join(args[0], "chartseal.yaml"))
			p.f("  2. chartseal check -c %s\n", filepath.Join(args[0], "chartseal.yaml"))
			p.f("  3. chartseal form -c %s, for the PDF form with your recipients in its list.\n", filepath.Join(args[0], "chartseal.yaml"))
			p.f("  4. chartseal run -c %s, and drop a filled form into the outbox.\n", filepath.Join(args[0], "chartseal.yaml"))
			return p.err
		},
	}
	c.Flags().StringVar(&s.Practice, "name", "My Dental Practice", "name of the practice")
	c.Flags().StringVar(&s.State, "state", "", "two letters of the state, such as NY")
	return c
}

// initPractice writes what is missing and lists what it made.
func initPractice(dir string, s config.Starter) (made []string, err error) {
	cfg, err := config.Example(s)
	if err != nil {
		return nil, err
	}
	book, err := config.ExampleRecipients()
	if err != nil {
		return nil, err
	}
	for _, d := range []struct {
		name string
		mode fs.FileMode
	}{{"", 0o750}, {"outbox", 0o770}, {"records", 0o750}, {"forms", 0o750}, {"state", 0o700}} {
		if err := os.MkdirAll(filepath.Join(dir, d.name), d.mode); err != nil {
			return nil, err
		}
	}
	// A source folder that is missing is an error of configuration: staff would
	// not notice that records are left out.
	files := map[string][]byte{"chartseal.yaml": cfg, "recipients.yaml": book}
	order := []string{"chartseal.yaml", "recipients.yaml"}
	for _, name := range config.Blanks() {
		blank, err := config.Blank(name)
		if err != nil {
			return nil, err
		}
		files[filepath.Join("forms", name)] = blank
		order = append(order, filepath.Join("forms", name))
	}
	files[filepath.Join("forms", "order.schema.json")] = schema.JSON() // named in the first line of the blanks
	order = append(order, filepath.Join("forms", "order.schema.json"))
	for _, name := range order {
		ok, err := writeNew(filepath.Join(dir, name), files[name])
		if err != nil {
			return nil, err
		}
		if ok {
			made = append(made, filepath.Join(dir, name))
		}
	}
	return made, nil
}

// addForm adds the blank PDF form, which bears the id of the practice's key.
func addForm(dir string) (string, error) {
	file := filepath.Join(dir, "forms", formName)
	cfg, err := config.Load(filepath.Join(dir, "chartseal.yaml"))
	if err != nil {
		return "", err
	}
	if err := chartseal.MakeKey(cfg); err != nil {
		return "", err
	}
	form, err := blankForm(cfg)
	if err != nil {
		return "", err
	}
	_, err = writeNew(file, form)
	return file, err
}

// writeNew writes a file unless it is there.
func writeNew(file string, b []byte) (bool, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return true, nil
}
