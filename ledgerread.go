package chartseal

import (
	"context"
	"errors"
	"io/fs"

	"chartseal/config"
	"chartseal/ledger"
)

// SignedLedger verifies the ledger against the signed head beside it, for who is about to
// tell something from it: a ledger whose end was cut off would tell that it was not. It may
// run beside the daemon. The error is a *ledger.BrokenError when the ledger does not hold;
// the report names where persons went on with one that lacks entries.
func SignedLedger(ctx context.Context, cfg *config.Config) (ledger.Report, error) {
	s := &state{dir: cfg.State}
	rep, err := s.verifyHere(ctx)
	if errors.Is(err, fs.ErrNotExist) && !s.begun() { // before the first start
		return ledger.Report{}, nil
	}
	return rep, err
}
