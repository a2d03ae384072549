package chartseal

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"chartseal/config"
	"chartseal/ledger"
)

// SignedLedger verifies the ledger against the signed head beside it, for who is about to
// tell something from it: a ledger whose end was cut off would tell that it was not. It may
// run beside the daemon. The error is a *ledger.BrokenError when the ledger does not hold;
// the report names where persons went on with one that lacks entries.
func SignedLedger(ctx context.Context, cfg *config.Config) (ledger.Report, error) {
	dir := filepath.Join(cfg.State, "ledger")
	by, err := (&state{dir: cfg.State}).public()
	var rep ledger.Report
	switch {
	case err == nil:
		rep, err = ledger.VerifySigned(ctx, dir, by)
	case errors.Is(err, fs.ErrNotExist): // before the first start
		rep, err = ledger.Verify(ctx, dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Report{}, nil
	}
	return rep, err
}
