package watch

import "github.com/fsnotify/fsnotify"

// events returns a channel that is signalled when something may have happened.
// A watcher that cannot be made is no error: the scan finds everything. A
// network file system is not even asked, for its answer would be wrong.
func (o *Outbox) events() (wake <-chan struct{}, stop func()) {
	if o.remote {
		return nil, func() {}
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, func() {}
	}
	if err := w.Add(o.dir); err != nil {
		_ = w.Close()
		return nil, func() {}
	}
	ch := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		forward(w.Events, w.Errors, ch)
	}()
	return ch, func() {
		_ = w.Close()
		<-done
	}
}

// forward turns events, and also lost ones (fsnotify.ErrEventOverflow), into
// wake-ups: a wake-up is a full scan. Chmod is noise made by antivirus and
// backup programs.
func forward(events <-chan fsnotify.Event, lost <-chan error, ch chan<- struct{}) {
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod {
				continue
			}
		case _, ok := <-lost:
			if !ok {
				return
			}
		}
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
