//go:build unix

package chartseal

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"aead.dev/minisign"

	"chartseal/order"
)

// The signature counts for the very bytes that are judged: whoever puts the order that was
// signed in the place of another one while the rules are asked gets nothing approved.
func TestTheSignatureIsOfWhatIsJudged(t *testing.T) {
	const genuine = `order: R-1
received: 2026-11-18
patient: {id: "10432", name: "Alvarez, Maria", birth_date: 1984-03-09}
requester: {name: Dr. Chen, relation: provider, identity: {method: known to the office, by: J. Ortiz, on: 2026-11-18}}
recipient: {name: Dr. Chen Endodontics, kind: provider, email: office@chen.example}
basis: treatment
records: {kinds: [chart]}
approved: {by: dr-lee, on: 2026-11-18}
`
	forged := strings.Replace(genuine, "office@chen.example", "office@chem.example", 1)
	pub, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, c, r := judged(t, forged)
	p.cfg.Approval.Require, p.cfg.Approval.Approvers = "signature", map[string]string{"dr-lee": pub.String()}
	claim := filepath.Join(p.box.Dir(), "working", c.ID)
	signature := filepath.Join(claim, "order.yaml.minisig")
	if err := syscall.Mkfifo(signature, 0o600); err != nil {
		t.Fatal(err)
	}
	swapped := make(chan error, 1)
	go func() { // a pipe waits for its reader, who has read the order by then
		w, err := os.OpenFile(signature, os.O_WRONLY, 0)
		if err == nil {
			err = os.WriteFile(filepath.Join(claim, "order.yaml"), []byte(genuine), 0o600)
			_, werr := w.Write(minisign.Sign(key, []byte(genuine)))
			err = errors.Join(err, werr, w.Close())
		}
		swapped <- err
	}()
	err = p.judge(t.Context(), r, order.AtIntake)
	if err := <-swapped; err != nil {
		t.Fatal(err)
	}
	held, ok := errors.AsType[*Held](err)
	if !ok || !slices.ContainsFunc(held.Reasons, func(r order.Reason) bool { return r.Rule == "A1" }) {
		t.Errorf("an order that nobody signed is judged as signed: %v", err)
	}
}
