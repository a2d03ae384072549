package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"chartseal/ledger"
	"chartseal/packager/gather"
	"chartseal/packager/gather/readings"
	"chartseal/registry"
	"chartseal/transport"
	"chartseal/watch"
)

// scrub takes the path out of a file system error.
func scrub(err error) error { return watch.Scrub(err) }

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// IsFull reports that a disk of this computer is full, which ends by itself or by hand.
func IsFull(err error) bool {
	return registry.IsFull(err) || watch.IsFull(err)
}

// IsAway reports that the shared database or the outbox is away, or cannot be written to,
// which ends by itself or by hand.
func IsAway(err error) bool {
	return errors.Is(err, registry.ErrAway) || errors.Is(err, watch.ErrUnwritable) || errors.Is(err, watch.ErrAway)
}

// ClassOf names the kind of trouble for logs, metrics and alerts.
func ClassOf(err error) string { return classOf(err) }

// classOf names the kind of trouble for logs and status.
func classOf(err error) string {
	for _, c := range []struct {
		is   error
		name string
	}{
		{context.Canceled, "stopping"},
		{registry.ErrBusy, "database busy"},
		{registry.ErrAway, "database unavailable"},
		{ErrEngine, "engine lost track"},
		{registry.ErrNewer, "database of a newer program"},
		{registry.ErrSiteTaken, "site name or lock lost"},
		{registry.ErrSiteRunning, "second daemon"},
		{watch.ErrAway, "outbox away"},
		{watch.ErrUnwritable, "outbox cannot be written"},
		{watch.ErrOwned, "outbox of another daemon"},
		{transport.ErrClock, "clock wrong"},
		{transport.ErrNoBucket, "bucket missing"},
		{transport.ErrUnavailable, "store unavailable"},
		{transport.ErrDenied, "store denied access"},
		{transport.ErrFull, "store full"},
		{transport.ErrInterrupted, "interrupted"},
		{transport.ErrRejected, "store rejected"},
		{transport.ErrExists, "object exists"},
		{transport.ErrChanged, "sealed file changed"},
		{transport.ErrNotFound, "store not found"},
		{ledger.ErrBroken, "ledger broken"},
		{gather.ErrSourceMissing, "source folder missing"},
		{readings.ErrSilent, "records folder does not answer"},
		{gather.ErrEmptied, "shared image folder empty"},
		{errNoExport, "export folder missing"},
		{errBook, "recipient book not readable"},
		{fs.ErrPermission, "access refused by this computer"},
	} {
		if errors.Is(err, c.is) {
			return c.name
		}
	}
	switch {
	case IsFull(err):
		return "disk full"
	case watch.IsReadOnly(err):
		return "disk read-only"
	}
	return "machine"
}
