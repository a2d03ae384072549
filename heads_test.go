package chartseal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/transport"
	"chartseal/transport/s3"
	"chartseal/transport/storetest/versioned"
)

// lockedBucket is one with object lock, what the practice has of it, and what somebody with
// its access key can do there.
type lockedBucket struct {
	*s3.Store
	cfg   config.Store
	hide  func(t *testing.T, prefix string)
	cover func(t *testing.T, key, text string)
	erase func(t *testing.T, key string)
}

// lockedBuckets starts a store in which buckets with object lock can be had.
func lockedBuckets(t *testing.T) func(t *testing.T, bucket string) *lockedBucket {
	t.Helper()
	endpoint, c := versioned.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", versioned.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", versioned.SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	return func(t *testing.T, bucket string) *lockedBucket {
		t.Helper()
		versioned.Lock(t, c, bucket)
		st, err := s3.New(t.Context(), s3.Config{Bucket: bucket, Endpoint: endpoint, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		return &lockedBucket{
			Store: st, cfg: config.Store{Kind: config.StoreS3, Bucket: bucket, Endpoint: endpoint, PathStyle: true},
			hide:  func(t *testing.T, prefix string) { t.Helper(); versioned.Hide(t, c, bucket, prefix) },
			cover: func(t *testing.T, key, text string) { t.Helper(); versioned.Cover(t, c, bucket, key, text) },
			erase: func(t *testing.T, key string) { t.Helper(); versioned.Erase(t, c, bucket, key) },
		}
	}
}

// keep opens a practice on some day after today, with its heads in the bucket.
func (v *lockedBucket) keep(t *testing.T, dir string, day int) *bookkeeper {
	t.Helper()
	return keepBooksIn(t, dir, &config.Config{Site: "front-desk", Store: v.cfg}, v, func() time.Time { return time.Now().AddDate(0, 0, day) })
}

// closeCopied closes a practice once its newest head is in the store, however slow that is.
func (k *bookkeeper) closeCopied(t *testing.T) {
	t.Helper()
	eventuallyTrue(t, "the newest head is copied", func() bool {
		k.heads.nudge() // a day may begin
		c := readHeadCopy(k.state)
		return c.Hash == k.ledger.Head().Hash && c.Day == k.opts.Now().UTC().Format(time.DateOnly) && c.Trouble == ""
	})
	k.close(t)
}

// verify is what 'chartseal ledger verify' sees of a practice that is closed.
func (k *bookkeeper) verify(t *testing.T) (LedgerReport, error) {
	t.Helper()
	return VerifyLedger(t.Context(), k.cfg, Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

// Who has the state folder and an access key brings an older ledger back and hides its
// heads in the store: deletes them, or stores older ones over them. Object lock keeps what
// is hidden, and it is compared.
func TestHiddenHeadsAreCompared(t *testing.T) {
	bucket := lockedBuckets(t)
	for name, attack := range map[string]func(v *lockedBucket, place, old string){
		"deleted": func(v *lockedBucket, place, _ string) { v.hide(t, place) },
		"covered by the older one": func(v *lockedBucket, place, old string) {
			v.erase(t, place+heads.Latest)
			v.cover(t, place+heads.Latest, old)
			for n := range v.Objects(t.Context(), place, "") {
				if n.Key != place+heads.Latest {
					v.cover(t, n.Key, old)
				}
			}
		},
		"covered by nothing that is a head": func(v *lockedBucket, place, _ string) {
			for n := range v.Objects(t.Context(), place, "") {
				v.cover(t, n.Key, "hello")
			}
		},
		"deleted for good, as far as the lock lets": func(v *lockedBucket, place, _ string) {
			v.hide(t, place)
			v.erase(t, place)
			v.hide(t, place)
		},
		"only the newest is covered": func(v *lockedBucket, place, old string) { v.cover(t, place+heads.Latest, old) },
	} {
		t.Run(name, func(t *testing.T) {
			v := bucket(t, strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", ""))
			dir := t.TempDir()
			k := v.keep(t, dir, 0)
			k.write(t, "a", "b")
			k.closeCopied(t)
			bringBack := backUp(t, k.cfg.State)
			old, err := ledger.HeadFile(k.state.path("ledger"))
			if err != nil {
				t.Fatal(err)
			}
			k = v.keep(t, dir, 1)
			k.write(t, "c", "d")
			k.closeCopied(t)
			v.keep(t, dir, 2).closeCopied(t) // a day later entry 4 has its own copy
			if rep, err := k.verify(t); err != nil || len(rep.Altered) > 0 || rep.Unseen != "" || rep.Copies < 3 {
				t.Fatalf("before: %+v, %v", rep, err)
			}
			bringBack()
			attack(v, headPlace(k.cfg, k.state.pub), string(old))
			if _, err := k.verify(t); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), "entry 3 is missing") {
				t.Errorf("verify says %v", err)
			}
			k = v.keep(t, dir, 2)
			eventuallyTrue(t, "nothing is sent", k.ledgerBroken.Load)
			k.close(t)
		})
	}
}

// What came after the newest head under a name of its own hangs on the newest head, which is
// locked for some days: who may delete in the store cannot hide the last entries either.
func TestTheNewestHeadIsLocked(t *testing.T) {
	v := lockedBuckets(t)(t, "newest")
	dir := t.TempDir()
	k := v.keep(t, dir, 0)
	k.write(t, "a", "b")
	k.closeCopied(t)
	bringBack := backUp(t, k.cfg.State)
	k = v.keep(t, dir, 0)
	k.write(t, "c")
	k.closeCopied(t)
	place := headPlace(k.cfg, k.state.pub)
	bringBack()
	v.hide(t, place)
	v.erase(t, place)
	if _, err := k.verify(t); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), "entry 3 is missing") {
		t.Errorf("verify says %v", err)
	}
}

// Who has the key besides says that this year was an old one which was purged, and stores
// heads that the key signed with another time. The locked ones say when the entries were made.
func TestHiddenHeadsShowAYearUnderAFalseName(t *testing.T) {
	v := lockedBuckets(t)(t, "false-name")
	dir := t.TempDir()
	k := v.keep(t, dir, 0)
	k.write(t, "a", "b")
	k.closeCopied(t)
	k = v.keep(t, dir, 400)
	last, began := k.ledger.Head(), time.Now()
	year := k.opts.Now().Year()
	purge := ledger.Entry{Key: "purged/ledger/2001.jsonl", Event: ledger.Purged, Order: "(ledger)", Began: began}
	purge.Segments = []ledger.Segment{{File: "2001.jsonl", From: 1, To: last.Seq, Hash: last.Hash}}
	if _, err := k.enter(t.Context(), purge); err != nil {
		t.Fatal(err)
	}
	k.closeCopied(t)
	for _, name := range segmentsIn(t, k) {
		if name != fmt.Sprint(year) {
			if err := os.Remove(k.state.path("ledger", name+".jsonl")); err != nil {
				t.Fatal(err)
			}
		}
	}
	place := headPlace(k.cfg, k.state.pub)
	v.erase(t, place+heads.Latest)
	old := k.signer()
	v.cover(t, place+heads.Day(last), string(old.Sign(last, nil, began.AddDate(-20, 0, 0))))
	if _, err := k.verify(t); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), "purged less than six years") {
		t.Errorf("verify says %v", err)
	}
}

// Nor does it help to lie about the day of the purge.
func TestAPurgeOfADayToComeIsNotBelieved(t *testing.T) {
	k := keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
	k.write(t, "a", "b")
	k.later(t, time.Now().AddDate(10, 0, 0).Format(time.DateOnly))
	if err := k.withLedger(func(l *ledger.Ledger) error {
		_, err := l.Purge(t.Context(), segmentsIn(t, k)[0]+".jsonl", ledger.Entry{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := k.against(t.Context(), k.state.pub, heads.Elsewhere{}); err != nil {
		t.Errorf("in its time: %v", err)
	}
	k.opts.Now = time.Now
	if err := k.against(t.Context(), k.state.pub, heads.Elsewhere{}); !errors.Is(err, ledger.ErrBroken) || !strings.Contains(err.Error(), "entry 2 is missing, and is said to have been purged on a day") {
		t.Errorf("before: %v", err)
	}
	k.close(t)
}

// Of a ledger that is whole hidden heads are an alarm, and no more: what is hidden agrees
// with it.
func TestHiddenHeadsAreAnAlarm(t *testing.T) {
	v := lockedBuckets(t)(t, "alarm")
	dir := t.TempDir()
	k := v.keep(t, dir, 0)
	k.write(t, "a")
	k.closeCopied(t)
	k = v.keep(t, dir, 1)
	k.write(t, "b", "c")
	k.closeCopied(t)
	v.keep(t, dir, 2).closeCopied(t)
	place := headPlace(k.cfg, k.state.pub)
	var days []transport.Version
	for n, err := range v.Versions(t.Context(), place, "") {
		if err != nil {
			t.Fatal(err)
		}
		if n.Key != place+heads.Latest && n.Current() {
			days = append(days, n)
		}
	}
	if len(days) < 2 { // the second day began with the same entry
		t.Fatalf("%+v", days)
	}
	v.hide(t, days[0].Key)
	k = v.keep(t, dir, 2)
	eventuallyTrue(t, "the hidden head is told of", func() bool {
		return strings.Contains(k.log.String(), "alert=heads") && strings.Contains(k.log.String(), "deleted=true")
	})
	if k.ledgerBroken.Load() {
		t.Errorf("%s", k.log)
	}
	before := strings.Count(k.log.String(), "alert=heads")
	k.lookAtLedger(t.Context())
	if now := strings.Count(k.log.String(), "alert=heads"); now != before || k.ledgerBroken.Load() {
		t.Errorf("told again: %s", k.log)
	}
	k.close(t)
	rep, err := k.verify(t)
	if err != nil || len(rep.Altered) != 1 || !rep.Altered[0].Deleted || rep.Altered[0].Seq == 0 || time.Since(rep.Altered[0].At) > time.Minute {
		t.Errorf("%+v, %v", rep, err)
	}
	v.cover(t, days[1].Key, "hello")
	rep, err = k.verify(t)
	if err != nil || len(rep.Altered) != 2 || rep.Foreign != 1 || rep.Altered[0].Deleted {
		t.Errorf("%+v, %v", rep, err)
	}
	var first transport.Version // an older newest head over the newest
	for n := range v.Versions(t.Context(), place+heads.Latest, "") {
		first = n
	}
	text, err := v.Get(t.Context(), first, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	v.cover(t, place+heads.Latest, string(text))
	if rep, err = k.verify(t); err != nil || len(rep.Altered) != 3 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// A lost state folder is missed also when somebody deleted its heads in the store.
func TestALostStateFolderWithHiddenHeads(t *testing.T) {
	v := lockedBuckets(t)(t, "lost")
	k := v.keep(t, t.TempDir(), 0)
	k.write(t, "a", "b")
	k.closeCopied(t)
	v.hide(t, "heads/")
	k = v.keep(t, t.TempDir(), 1)
	defer k.close(t)
	eventuallyTrue(t, "the ledger of before is missed", func() bool {
		return k.ledgerBroken.Load() && strings.Contains(k.log.String(), "begun anew")
	})
}

// crowd is a shelf with more on it.
type crowd struct {
	*shelf
	more   func(yield func(transport.Version, error) bool) // after the shelf's own
	denied bool
}

func (c crowd) Versions(ctx context.Context, prefix, after string) iter.Seq2[transport.Version, error] {
	return func(yield func(transport.Version, error) bool) {
		if c.denied {
			yield(transport.Version{}, &transport.Error{Op: "list versions", Class: transport.ErrDenied})
			return
		}
		for v, err := range c.shelf.Versions(ctx, prefix, after) {
			if !yield(v, err) {
				return
			}
		}
		if c.more != nil && after == "" {
			c.more(yield)
		}
	}
}

// A key that may not list versions is told of; the newest ones are compared as before.
func TestAKeyThatMayNotListVersions(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k, bringBack := copiedAndOpened(t, dir, s)
	k.write(t, "b")
	k.close(t)
	again := func() *bookkeeper {
		return keepBooksIn(t, dir, &config.Config{Site: "front-desk"}, crowd{shelf: s, denied: true}, time.Now)
	}
	k = again()
	if log := k.log.String(); k.ledgerBroken.Load() || !strings.Contains(log, "s3:ListBucketVersions") {
		t.Errorf("%s", log)
	}
	k.close(t)
	bringBack()
	k = again()
	if !k.ledgerBroken.Load() {
		t.Errorf("an older copy: %s", k.log)
	}
	k.close(t)
}
