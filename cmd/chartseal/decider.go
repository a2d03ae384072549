package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"chartseal"
	"chartseal/ledger"
)

// decider is who decides something about the ledger; with a key, what is decided is signed.
func (a *app) decider(ctx context.Context, by, keyFile, what, why string) (d chartseal.Decider, err error) {
	if d.By = by; keyFile == "" {
		return d, nil
	}
	if by == "" {
		return d, usage(errors.New("--key signs for a person: --by NAME"))
	}
	cfg, err := a.load()
	if err != nil {
		return d, err
	}
	key, err := approverKey(keyFile)
	if err != nil {
		return d, err
	}
	rep, err := ledger.Verify(ctx, filepath.Join(cfg.State, "ledger"))
	if errors.Is(err, ledger.ErrBroken) {
		return d, &exitError{exitUnverified, err}
	}
	if err != nil {
		return d, err
	}
	d.Signed = chartseal.SignStatement(cfg, key, rep.Head, by, what, why, time.Now())
	return d, nil
}
