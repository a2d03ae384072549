package chartseal

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"

	"chartseal/transport/localstore"
	"chartseal/transport/s3"
)

// openStore reaches the bucket of the configuration, or starts the embedded
// store as a child process: the same client code either way.
func (p *Practice) openStore(ctx context.Context) (err error) {
	c := p.cfg.Store
	cfg := s3.Config{
		Bucket: c.Bucket, Region: c.Region, Endpoint: c.Endpoint, PathStyle: c.PathStyle, Prefix: c.Prefix,
		SSE: string(c.SSE), KMSKey: c.KMSKey, Checksums: string(c.Checksums),
	}
	if c.Kind == "local" {
		if cfg, err = p.startLocal(ctx); err != nil {
			return err
		}
	}
	if p.store, err = s3.New(ctx, cfg, s3.WithClock(p.opts.Now)); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	p.copies = p.store
	if p.local == nil {
		return nil
	}
	d := p.state.readDownloads()
	if err := p.seenBy(&d, seenByStore); err != nil {
		return err
	}
	return p.store.EnsureBucket(ctx)
}

func (p *Practice) startLocal(ctx context.Context) (s3.Config, error) {
	var err error
	p.local, err = localstore.Start(ctx, localstore.Options{
		Dir:     p.state.path("store"),
		Command: func(ctx context.Context) *exec.Cmd { return p.opts.Self(ctx, "store") },
		Died:    func() { p.log.Warn("embedded store ended and is started again", slog.String("stage", "store")) },
	})
	if err != nil {
		return s3.Config{}, fmt.Errorf("start embedded store: %w", err)
	}
	return s3.Config{
		Bucket: localstore.Bucket, Region: localstore.Region, Endpoint: p.local.Endpoint(), PathStyle: true,
		AccessKey: p.local.AccessKey(), SecretKey: p.local.SecretKey(),
	}, nil
}
