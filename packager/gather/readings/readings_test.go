package readings

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chartseal/packager/gather"
)

// share is a folder of records that may stop answering: a call in it does not return
// until it answers again, as on an NFS share that is mounted hard.
type share struct {
	folder  string
	answers chan struct{}
	begun   atomic.Int32 // readings
	ended   atomic.Int32 // under a context that had ended
}

func newShare(folder string) *share { return &share{folder: folder, answers: make(chan struct{})} }

func (s *share) read(ctx context.Context) error {
	s.begun.Add(1)
	end := gather.PulseOf(ctx).Begin(s.folder)
	<-s.answers
	end()
	if ctx.Err() != nil {
		s.ended.Add(1)
	}
	return ctx.Err()
}

// A share that does not answer makes its orders wait and gives their slots back; no
// order begins a second reading, and no more hang than a few. When the share answers
// again the orders go on, and what was given up counts for nothing.
func TestAShareThatHangsStopsOnlyItsOwnOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, nfs, other := New(), newShare("/nfs"), newShare("/disk")
		close(other.answers)
		began := time.Now()
		for round := range 3 {
			for i := range 10 {
				id := fmt.Sprint("order", i)
				if err := rs.Run(t.Context(), id, []string{"/nfs", "/disk"}, nfs.read); !errors.Is(err, ErrSilent) {
					t.Errorf("round %d, order %d: %v", round, i, err)
				}
				if err := rs.Run(t.Context(), id+" elsewhere", []string{"/disk"}, other.read); err != nil {
					t.Errorf("an order of another folder: %v", err)
				}
			}
		}
		if n := nfs.begun.Load(); n != maxSilent {
			t.Errorf("%d readings hang", n)
		}
		if took := time.Since(began); took > 2*readPatience {
			t.Errorf("the orders held their slots for %s", took)
		}
		close(nfs.answers)
		synctest.Wait()
		if n := nfs.ended.Load(); n != maxSilent || len(rs.silent) != 0 {
			t.Errorf("%d readings have ended, %d are left", n, len(rs.silent))
		}
		for i := range 10 {
			if err := rs.Run(t.Context(), fmt.Sprint("order", i), []string{"/nfs"}, nfs.read); err != nil {
				t.Errorf("after it came back: %v", err)
			}
		}
	})
}

// What takes long while the file system answers is no hang, and a daemon that stops
// does not wait for a share.
func TestSlowIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := New()
		err := rs.Run(t.Context(), "slow", []string{"/nfs"}, func(ctx context.Context) error {
			for range 100 { // calls that take long, but return, and a program that cleans for hours
				end := gather.PulseOf(ctx).Begin("/nfs")
				time.Sleep(readPatience * 3 / 4)
				end()
			}
			time.Sleep(100 * readPatience)
			return ctx.Err()
		})
		if err != nil {
			t.Error(err)
		}
		nfs := newShare("/nfs")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := rs.Run(ctx, "stopped", []string{"/nfs"}, nfs.read); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*LastCall {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		close(nfs.answers)
	})
}

// An order that waits for a pass of the index, which hangs, waits without a slot too.
func TestAnIndexThatHangsHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs, nfs := New(), newShare("/nfs")
		end := rs.Index.Begin("/nfs")
		time.Sleep(readPatience)
		if err := rs.Run(t.Context(), "order", []string{"/nfs"}, nfs.read); !errors.Is(err, ErrSilent) || nfs.begun.Load() != 0 {
			t.Errorf("%v, %d begun", err, nfs.begun.Load())
		}
		end()
		close(nfs.answers)
		if err := rs.Run(t.Context(), "order", []string{"/nfs"}, nfs.read); err != nil {
			t.Error(err)
		}
	})
}
