package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/packager/gather/readings"
	"chartseal/watch"
)

// toChen is an order that every rule lets go.
const toChen = `order: R-1
received: 2026-11-18
patient: {id: "10432", name: "Alvarez, Maria", birth_date: 1984-03-09}
requester: {name: Dr. Chen, relation: provider, identity: {method: known to the office, by: J. Ortiz, on: 2026-11-18}}
recipient: dr-chen
basis: treatment
records: {kinds: [chart]}
approved: {by: dr-lee, on: 2026-11-18}
`

// judged is a practice with an order on its way, as it was taken in.
func judged(t *testing.T, text string) (*Practice, *watch.Claim, *release) {
	t.Helper()
	p, _, _ := claimed(t)
	p.cfg = &config.Config{
		Practice: config.Practice{Name: "Lakeside Dental"}, State: p.state.dir,
		Recipients: filepath.Join(t.TempDir(), "recipients.yaml"),
		Approval:   config.Approval{Require: "name", Approvers: map[string]string{"dr-lee": ""}},
		Store:      config.Store{Kind: "local"},
	}
	p.readings = readings.New()
	c, err := p.box.Accept("order.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := order.Parse("order.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	sha := digest([]byte(text))
	e, _, err := p.orders.Admit(t.Context(), order.Reference(o.ID), sha, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	r := &release{ID: e.ID(), Claim: c.ID, OrderSHA: sha}
	if err := p.state.save(r); err != nil {
		t.Fatal(err)
	}
	return p, c, r
}

// A new link to what was sealed for an address or a key that the recipient no longer has
// would lead the wrong one to the records.
func TestNoNewLinkForAnEarlierAddressOrKey(t *testing.T) {
	const chen = `dr-chen: {name: "Dr. Chen Endodontics", kind: provider, address: "12 Elm Street", email: office@chen.example`
	const key, other = "age1pkl7jw9t7fkal4eav28g3pcvdg3awgknwq666u5xzxdazfd70vys53lqp4", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	for name, c := range map[string]struct {
		was, is string
		words   bool
		ends    bool
	}{
		"the same":             {chen + "}", chen + "}", true, false},
		"telephone":            {chen + "}", chen + `, phone: "1"}`, true, false},
		"address":              {chen + "}", strings.Replace(chen, "12 Elm", "3 Oak", 1) + "}", true, true},
		"e-mail":               {chen + "}", strings.Replace(chen, "office@", "dr@", 1) + "}", true, true},
		"another key":          {chen + ", keys: [" + key + "]}", chen + ", keys: [" + other + "]}", false, true},
		"a key, and had words": {chen + "}", chen + ", keys: [" + key + "]}", true, true},
		"no key any more":      {chen + ", keys: [" + key + "]}", chen + "}", false, true},
	} {
		p, _, r := judged(t, toChen)
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(p.cfg.Recipients, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			at := time.Now().Add(time.Duration(len(text)) * time.Hour)
			if err := os.Chtimes(p.cfg.Recipients, at, at); err != nil {
				t.Fatal(err)
			}
		}
		write(c.was)
		o, err := order.Parse("order.yaml", []byte(toChen))
		if err != nil {
			t.Fatal(err)
		}
		to, err := p.recipient(o)
		if err != nil {
			t.Fatal(err)
		}
		r.SealedFor, r.Words, r.Outcome, r.Links = recipientDigest(to), c.words, sent, &links{Expires: time.Now().Add(time.Hour)}
		_, lerr := p.ledger.Append(t.Context(), ledger.Entry{
			Key: r.ID + "/sent", Event: ledger.Sent, Order: "R-1", Reference: r.ID,
			Recipient: &ledger.Party{Name: to.Name, Address: to.Address, Email: to.Email, Kind: string(to.Kind)},
		})
		if err := errors.Join(lerr, p.state.save(r), p.orders.Settle(t.Context(), r.ID, sent)); err != nil {
			t.Fatal(err)
		}
		write(c.is)
		_, _, _, err = p.relinkable(t.Context(), o, []byte(toChen))
		held, ok := errors.AsType[*Held](err)
		if ok != c.ends || !ok && err != nil || ok && (len(held.Reasons) != 1 || held.Reasons[0].Rule != "A2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who wants to stop what is on its way is not told that it was not sent: in a moment it may be.
func TestWhatIsOnItsWayIsNotCalledUnsent(t *testing.T) {
	p, _, r := judged(t, toChen)
	if _, _, err := p.sentRelease(t.Context(), "R-1"); !errors.Is(err, ErrUnderWay) {
		t.Errorf("%v", err)
	}
	if err := p.orders.Settle(t.Context(), r.ID, hold); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.sentRelease(t.Context(), "R-1"); !errors.Is(err, ErrNotSent) {
		t.Errorf("%v", err)
	}
}

// An order that was taken away between its admission and its beginning, as while the disk
// was full, can be dropped again, and nobody waits for its end.
func TestAnOrderThatNeverBeganCanComeAgain(t *testing.T) {
	for _, again := range []bool{false, true} {
		p, c, r := judged(t, toChen)
		if err := errors.Join(os.Remove(p.state.releaseFile(r.ID)), os.RemoveAll(filepath.Join(p.box.Dir(), "working", c.ID))); err != nil {
			t.Fatal(err)
		}
		e, err := p.orders.Find(t.Context(), order.Reference("R-1"))
		if err != nil || !p.neverBegan(e) {
			t.Fatalf("%+v, %v", e, err)
		}
		if !again {
			if err := p.endNeverBegun(t.Context()); err != nil {
				t.Fatal(err)
			}
			if e, err = p.orders.Find(t.Context(), order.Reference("R-1")); err != nil || e.State != hold {
				t.Errorf("%+v, %v", e, err)
			}
			continue
		}
		c, err = p.box.Accept("order.yaml", []byte(toChen), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(p.box.Dir(), "working", c.ID, "order.yaml.minisig"), 0o700); err != nil { // it goes no further
			t.Fatal(err)
		}
		if _, err = p.takeIn(t.Context(), c); errors.Is(err, errEnding) {
			t.Error("it is waited for without end")
		}
		if e, err = p.orders.Find(t.Context(), order.Reference("R-1")); err != nil || e.Attempt != 2 || e.Claim != c.ID {
			t.Errorf("%+v, %v", e, err)
		}
	}
	p, _, r := judged(t, toChen)
	if e, err := p.orders.Find(t.Context(), r.ID); err != nil || p.neverBegan(e) {
		t.Errorf("its claim is there: %+v, %v", e, err)
	}
}

// A recipient that the order writes out is found in the book for what patients asked for.
func TestARecipientIsFoundInTheBook(t *testing.T) {
	text := strings.Replace(toChen, "recipient: dr-chen", `recipient: {name: "Dr. Chen Endodontics, P.C.", kind: provider, email: o@chen.example}`, 1)
	p, _, r := judged(t, text)
	p.cfg.Restrictions = filepath.Join(t.TempDir(), "asked.yaml")
	err := errors.Join(
		os.WriteFile(p.cfg.Recipients, []byte("dr-chen: {name: Dr. Chen Endodontics, kind: provider}\n"), 0o600),
		os.WriteFile(p.cfg.Restrictions, []byte("'10432': {not_to: [dr-chen]}\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	err = p.judge(t.Context(), r, order.AtIntake)
	if held, ok := errors.AsType[*Held](err); !ok || len(held.Reasons) != 1 || held.Reasons[0].Rule != "R33" {
		t.Errorf("%v", err)
	}
}

// While the recipient book cannot be read, what goes to somebody in it waits: the change that
// nobody can read may take a key away. What the order writes out goes on.
func TestABookThatCannotBeReadIsWaitedFor(t *testing.T) {
	p, _, r := judged(t, toChen)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(p.cfg.Recipients, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("dr-chen: {name: Dr. Chen Endodontics, kind: provider}\n")
	if err := p.judge(t.Context(), r, order.AtIntake); err != nil {
		t.Fatal(err)
	}
	write("dr-chen: {name: Dr. Chen Endodontics, kind: provider, keys: [}\n")
	if err := p.judge(t.Context(), r, order.AtUpload); !errors.Is(err, errBook) || classOf(err) != "recipient book not readable" {
		t.Errorf("with a mistake in it: %v", err)
	}
	if err := os.Remove(p.cfg.Recipients); err != nil {
		t.Fatal(err)
	}
	if err := p.judge(t.Context(), r, order.AtUpload); !errors.Is(err, errBook) {
		t.Errorf("while it is away: %v", err)
	}
	write("dr-chen: {name: Dr. Chen Endodontics, kind: provider, email: c@chen.example}\n")
	if err := p.judge(t.Context(), r, order.AtUpload); err != nil {
		t.Errorf("corrected: %v", err)
	}
	p, _, r = judged(t, strings.Replace(toChen, "recipient: dr-chen", "recipient: {name: Dr. Chen Endodontics, kind: provider}", 1))
	if err := p.judge(t.Context(), r, order.AtIntake); err != nil {
		t.Errorf("written into the order: %v", err)
	}
}
