package chartseal

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"aead.dev/minisign"

	"chartseal/config"
	"chartseal/ledger"
)

// What a person decides about the ledger itself is decided by an approver, as a release is;
// where approval is by signature, with a statement that the approver's key signed. It is a
// text of seven lines and the four lines of its minisign signature:
//
//	chartseal ledger statement v1
//	site: front-desk
//	after: SEQ HASH      the ledger's last entry that the approver's command saw
//	by: dr-lee
//	on: 2026-11-26
//	what: go on without the entries that are lost
//	why: the disk failed
//
// The ledger keeps it whole, so that anybody can check it with the approver's public key.

// Decider is the person who decides something about the ledger.
type Decider struct {
	By     string `json:"by"`
	Signed string `json:"signed,omitempty"` // statement and signature, see [SignStatement]
}

// What can be stated.
const (
	statesAccept  = "go on without the entries that are lost"
	statesAnswers = "remove the answers to orders whose time is over"
	statesPurge   = "remove the ledger's segments until "
	statesEnded   = "the permission of an order ended, order and day: "
)

var statementForm = regexp.MustCompile(`^chartseal ledger statement v1\nsite: (.*)\nafter: (\d{1,19}) ([0-9a-f]{64})\nby: (.*)\non: (\d{4}-\d\d-\d\d)\nwhat: (.*)\nwhy: (.*)\n$`)

// SignStatement signs what an approver decides about the ledger; after is its last entry.
func SignStatement(cfg *config.Config, key minisign.PrivateKey, after ledger.Head, by, what, why string, at time.Time) string {
	if after.Seq == 0 {
		after.Hash = strings.Repeat("0", 64)
	}
	line := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	text := fmt.Appendf(nil, "chartseal ledger statement v1\nsite: %s\nafter: %d %s\nby: %s\non: %s\nwhat: %s\nwhy: %s\n",
		cfg.Site, after.Seq, after.Hash, line(by), at.Format(time.DateOnly), line(what), line(why))
	return string(append(text, minisign.Sign(key, text)...))
}

// decided makes sure that a person may decide something about the ledger, and writes into
// its line who it was and how that is known. The error is ErrConfig with a sentence. seen
// is the last entry that a signed statement names.
func (p *Practice) decided(d Decider, what, why string, line *ledger.Entry) (seen ledger.Head, err error) {
	by := strings.TrimSpace(d.By)
	if by == "" {
		return seen, fmt.Errorf("%w: who decides must be said", ErrConfig)
	}
	line.Approver = by
	if len(p.cfg.Approval.Approvers) == 0 {
		line.Notices = append(line.Notices, "by a name that nothing was compared with: this practice has no approvers")
		return seen, nil
	}
	name, known := "", false
	for _, a := range sortedKeys(p.cfg.Approval.Approvers) {
		if strings.EqualFold(a, by) {
			name, known = a, true
		}
	}
	if !known {
		return seen, fmt.Errorf("%w: '%s' may not decide this. One of the approvers in chartseal.yaml must: %s", ErrConfig, by, strings.Join(sortedKeys(p.cfg.Approval.Approvers), ", "))
	}
	line.Approver = name
	key, hasKey := approverKey(p.cfg, name)
	switch {
	case d.Signed != "" && hasKey:
	case p.cfg.Approval.Require == config.RequireSignature:
		return seen, fmt.Errorf("%w: approval is by signature here, so %s must sign this: give the private key with --key", ErrConfig, name)
	default:
		line.Notices = append(line.Notices, "by the name of an approver, without a signature")
		return seen, nil
	}
	if seen, err = p.readStatement(d.Signed, key, name, what, why); err != nil {
		return seen, err
	}
	line.Statement, line.SignatureKey = d.Signed, ledger.KeyName(key)
	return seen, nil
}

// fresh makes sure that a signed statement was made now: the ledger keeps every statement, and
// an earlier one decides nothing again.
func fresh(line *ledger.Entry, seen, now ledger.Head) error {
	if line.Statement != "" && seen != now && (seen.Seq > 0 || now.Seq > 0) {
		return fmt.Errorf("%w: the signed statement is about another state of the ledger; sign it again", ErrConfig)
	}
	return nil
}

// readStatement checks a signed statement, and that it states this.
func (p *Practice) readStatement(signed string, key minisign.PublicKey, name, what, why string) (after ledger.Head, err error) {
	cut := strings.Index(signed, "untrusted comment: ")
	if cut < 0 || len(signed) > 64<<10 || !minisign.Verify(key, []byte(signed[:cut]), bytes.TrimSpace([]byte(signed[cut:]))) {
		return after, fmt.Errorf("%w: the statement is not signed by the key of %s", ErrConfig, name)
	}
	m := statementForm.FindStringSubmatch(signed[:cut])
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if m == nil || m[1] != p.cfg.Site || !strings.EqualFold(m[4], name) || m[6] != words(what) || m[7] != words(why) {
		return after, fmt.Errorf("%w: the signed statement says something else", ErrConfig)
	}
	seq, err := strconv.ParseUint(m[2], 10, 64)
	if err != nil {
		return after, fmt.Errorf("%w: the signed statement says something else", ErrConfig)
	}
	return ledger.Head{Seq: seq, Hash: m[3]}, nil
}
