// Package alert tells practice IT of trouble, by e-mail and by webhook: once when it
// begins, once a day while it lasts, and once when it is over. An alert holds a class, a
// count, a time and at most one release reference: never a patient, an order id, a path
// or a link (DESIGN invariant 8).
//
// A [Keeper] looks and delivers in a task of its own, so that no release ever waits for
// a mail server.
package alert

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Class is a kind of trouble.
type Class string

// The kinds.
const (
	Stuck       Class = "stuck"       // nothing moves: files are not picked up, or the scheduler stands still
	Failing     Class = "failing"     // orders wait out some trouble
	Overdue     Class = "overdue"     // orders past their legal date
	Credentials Class = "credentials" // the store's keys are missing or end soon
	Ledger      Class = "ledger"      // the chain is broken
	RolledBack  Class = "rolled back" // the ledger lacks entries
	Disk        Class = "disk"        // nearly full
	Brake       Class = "brake"       // it holds orders
	Changed     Class = "changed"     // a secret, after the daemon has read it
	Test        Class = "test"        // asked for by a person
)

// Condition is one trouble as it is now. Class and Detail tell it from others.
type Condition struct {
	Class   Class     `json:"class"`
	Detail  string    `json:"detail,omitempty"` // a class of trouble, such as "store unavailable"
	Count   int       `json:"count,omitempty"`  // orders or files
	Release string    `json:"release,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

func (c Condition) key() string { return string(c.Class) + "/" + c.Detail }

// Phase is what has become of a trouble.
type Phase string

// The phases.
const (
	Begins Phase = "begins"
	Lasts  Phase = "lasts" // as yesterday
	Over   Phase = "over"
)

// Item is one thing that a notice tells.
type Item struct {
	Condition
	Phase Phase  `json:"phase"`
	Text  string `json:"text"` // a sentence: what it is and what to do
}

// Sender is who tells.
type Sender struct {
	Practice string `json:"practice"`
	Site     string `json:"site"`
	Version  string `json:"version"`
}

// Notice is one message.
type Notice struct {
	Sender
	At    time.Time `json:"at"`
	Items []Item    `json:"items"`
	Text  string    `json:"text"` // all of it in words; what chat programs show
}

// Channel is a way to IT. Errors are for the log: they name no address and no secret.
type Channel interface {
	Name() string
	Send(ctx context.Context, n Notice) error
}

// Subject is the notice in one line.
func (n Notice) Subject() string {
	who := n.Practice
	if n.Site != "" && n.Site != "main" {
		who += " (" + n.Site + ")"
	}
	return "[chartseal] " + who + ": " + n.gist()
}

func (n Notice) gist() string {
	if len(n.Items) == 0 {
		return "nothing to tell"
	}
	first := n.Items[0]
	text := first.title()
	switch first.Phase {
	case Over:
		text = "over: " + text
	case Lasts:
		text = "still: " + text
	default:
	}
	if more := len(n.Items) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

// inWords fills in the texts of a notice.
func (n Notice) inWords(loc *time.Location) Notice {
	var text strings.Builder
	for i, it := range n.Items {
		n.Items[i].Text = it.sentence(loc)
		text.WriteString(n.Items[i].Text + "\n\n")
	}
	n.Text = text.String() + fmt.Sprintf("Practice: %s\nSite: %s\nTime: %s\nchartseal %s\n\n"+
		"This message names no patient and no order. `chartseal status` and `chartseal board` show which orders it is about.\n",
		n.Practice, n.Site, n.At.In(loc).Format("Monday, January 2, 2006, 15:04 MST"), n.Version)
	return n
}

// TestNotice is what `check --alerts` sends.
func TestNotice(s Sender, now time.Time) Notice {
	n := Notice{Sender: s, At: now, Items: []Item{{Condition: Condition{Class: Test, Since: now}, Phase: Begins}}}
	return n.inWords(now.Location())
}
