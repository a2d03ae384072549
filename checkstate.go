package chartseal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chartseal/config"
	"chartseal/order"
	"chartseal/registry"
	"chartseal/transport"
)

// examineDaemon tells whether the daemon is at work.
func examineDaemon(cfg *config.Config, now time.Time, add transport.AddFinding) {
	d := readDaemon(cfg, now)
	switch {
	case d.Running && d.Message == "":
		add("daemon", transport.OK, "The daemon runs since %s.", d.Started.In(now.Location()).Format("2006-01-02 15:04"))
	case d.Running, d.Seen.IsZero():
		add("daemon", transport.Notice, "%s", strings.ReplaceAll(d.Message, "\n", " "))
	default:
		add("daemon", transport.Warning, "%s", d.Message)
	}
}

// engineCheck bounds the look at the engine's database.
const engineCheck = 30 * time.Second

// examineEngine looks at the embedded database, beside the daemon if need be.
func examineEngine(ctx context.Context, cfg *config.Config, add transport.AddFinding) {
	if cfg.Database.Reveal() != "" {
		return // see examineDatabase
	}
	file := filepath.Join(cfg.State, engineFile)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		add("engine", transport.OK, "The engine has no database yet: the daemon makes it when it starts.")
		return
	}
	const advice = "Stop the daemon, keep the file, and restore engine.db from the backup of the state folder."
	ctx, cancel := context.WithTimeout(ctx, engineCheck)
	defer cancel()
	said, version, err := registry.Inspect(ctx, file)
	switch {
	case err != nil && ctx.Err() != nil:
		add("engine", transport.Notice, "The engine's database is busy and was not looked through.")
	case errors.Is(err, fs.ErrPermission):
		add("engine", transport.Problem, "The engine's database cannot be read by this account: give the command as chartseal's own account, or as administrator.")
	case err != nil:
		add("engine", transport.Problem, "The engine's database cannot be read. %s", advice)
	case said != "ok":
		add("engine", transport.Problem, "The engine's database is damaged. %s", advice)
	case version > registry.SchemaVersion():
		add("engine", transport.Problem, "The state folder was written by a newer chartseal (%d, and this one knows %d): install that version again.", version, registry.SchemaVersion())
	default:
		add("engine", transport.OK, "The engine's database is whole.")
	}
}

// newerEngine is registry.ErrNewer if a newer program wrote the embedded database, for who only
// looks; what else is wrong with it, check tells.
func newerEngine(ctx context.Context, cfg *config.Config) (err error) {
	file := filepath.Join(cfg.State, engineFile)
	if _, err := os.Stat(file); cfg.Database.Reveal() != "" || err != nil {
		return nil //nolint:nilerr // there is none yet
	}
	if version, err := registry.VersionOf(ctx, file); err != nil || version <= registry.SchemaVersion() {
		return nil //nolint:nilerr // see above
	}
	return registry.ErrNewer
}

// examineAgreement looks for the business associate agreement with who keeps the bundles
// (45 CFR 164.504(e)).
func examineAgreement(cfg *config.Config, now time.Time, add transport.AddFinding) {
	if cfg.Store.Kind != config.StoreS3 {
		return
	}
	on, err := order.ParseDate(cfg.Store.BAAOn)
	switch {
	case err != nil:
		add("agreement", transport.Warning, "No business associate agreement with the storage provider is recorded (45 CFR 164.504(e)). Write its date into store.baa_on.")
	case order.DateOf(now).Before(on):
		add("agreement", transport.Problem, "The business associate agreement with the storage provider is dated in the future (%s): until then nothing may go there. Correct store.baa_on.", on)
	default:
		add("agreement", transport.OK, "A business associate agreement with the storage provider is recorded (%s).", on)
	}
}

// examineRecipients counts those who have no key, for their bundles open with words that
// have to reach them by another way.
func examineRecipients(book order.Book, add transport.AddFinding) {
	if len(book) == 0 {
		add("recipients", transport.Notice, "The recipient book is empty: add those who often get records.")
		return
	}
	n := 0
	for _, r := range book {
		if len(r.Keys) == 0 {
			n++
		}
	}
	if n > 0 {
		add("recipients", transport.Notice, "%d of %d recipients in the book have no key: their bundles open with a passphrase that goes by another way. Ask them for an age key.", n, len(book))
	}
}

// examineApproval tells what an approval is worth.
func examineApproval(cfg *config.Config, add transport.AddFinding) {
	if cfg.Approval.Require == config.RequireName {
		add("approval", transport.Notice, "A name on the order is enough to approve it: anybody who can write into the outbox can write it. With approval.require: signature an approver signs (chartseal key, chartseal approve).")
		return
	}
	add("approval", transport.OK, "Approvals are signed.")
}
