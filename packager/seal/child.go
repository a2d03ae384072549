package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"

	"filippo.io/age"
)

// wrapOrder is what a child that stretches a passphrase reads.
type wrapOrder struct {
	Passphrase string `json:"passphrase"`
	FileKey    []byte `json:"file_key"`
}

// wrapAnswer is what it writes: the recipient's part of the age header.
type wrapAnswer struct {
	Stanzas []*age.Stanza `json:"stanzas"`
	Labels  []string      `json:"labels"`
}

// maxWrap bounds both, in bytes.
const maxWrap = 64 << 10

// InChild makes a passphrase be stretched in a child process: scrypt takes
// 32 MiB, half of what the daemon may use in all. worker makes the command that
// runs [Wrap]; it is used once for each [NewWriter]. Recipients with keys are
// returned as they are.
func (r Recipients) InChild(worker func() *exec.Cmd) Recipients {
	if r.passphrase == "" {
		return r
	}
	r.list = []age.Recipient{inChild{passphrase: r.passphrase, worker: worker}}
	return r
}

// inChild is a passphrase recipient whose work a child process does.
type inChild struct {
	passphrase string
	worker     func() *exec.Cmd
}

var _ age.RecipientWithLabels = inChild{}

// String keeps the passphrase out of logs.
func (inChild) String() string { return "passphrase(withheld)" }

// GoString keeps the passphrase out of logs.
func (c inChild) GoString() string { return c.String() }

// Wrap is WrapWithLabels for callers that do not ask for labels.
func (c inChild) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	stanzas, _, err := c.WrapWithLabels(fileKey)
	return stanzas, err
}

// WrapWithLabels lets the child make the stanza; the label it answers with is
// what stops age from mixing a passphrase with keys.
func (c inChild) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	in, err := json.Marshal(wrapOrder{c.passphrase, fileKey})
	if err != nil {
		return nil, nil, fmt.Errorf("stretch passphrase: %w", err)
	}
	var out bytes.Buffer
	cmd := c.worker()
	cmd.Stdin, cmd.Stdout = bytes.NewReader(in), &out
	if err := cmd.Run(); err != nil {
		return nil, nil, errors.New("stretch passphrase: the child process failed")
	}
	var a wrapAnswer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil || len(a.Stanzas) != 1 {
		return nil, nil, errors.New("stretch passphrase: the child process gave no answer")
	}
	return a.Stanzas, a.Labels, nil
}

// Wrap is the whole of the child process: it reads one order from in and
// writes the answer to out.
func Wrap(in io.Reader, out io.Writer) error {
	b, err := io.ReadAll(io.LimitReader(in, maxWrap))
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	var o wrapOrder
	if err := json.Unmarshal(b, &o); err != nil {
		return errors.New("read order: not understood")
	}
	rec, err := scryptRecipient(o.Passphrase)
	if err != nil {
		return err
	}
	stanzas, labels, err := rec.WrapWithLabels(o.FileKey)
	if err != nil {
		return fmt.Errorf("stretch passphrase: %w", err)
	}
	if err := json.NewEncoder(out).Encode(wrapAnswer{stanzas, labels}); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
