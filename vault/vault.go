// Package vault is the form of a backup: a list of parts and its inventory, the last of
// them, as a tar file (POSIX.1-2001, pax) sealed with age, or as files of a folder. A part
// may stand in it more than once, for what is backed up changes while it is copied: the last
// one counts, and of these only what the inventory lists.
//
// Errors name no path: names of files are patient data, and errors reach logs.
package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"time"

	"chartseal/watch"
)

const (
	// InventoryName is the part that lists the others.
	InventoryName = "backup.json"
	// Format is the newest form that this program knows.
	Format = 1

	maxInventory = 256 << 20 // bytes: more than a million parts
)

// ErrDamaged says that a backup is damaged, or is none.
var ErrDamaged = errors.New("this is no whole backup of chartseal")

// ErrNewer says that a newer program made the backup.
var ErrNewer = errors.New("the backup was made by a newer chartseal")

// Inventory says what a backup holds and whose it is. It names no patient and no order:
// the parts of a state folder have names that say nothing.
type Inventory struct {
	Format   int       `json:"format"`
	Version  string    `json:"version"` // of the program that wrote it
	At       time.Time `json:"at"`
	Site     string    `json:"site"`
	Key      string    `json:"key"`     // the practice's public key
	Schema   int       `json:"schema"`  // of the engine's database; 0: it is not in the backup
	Shared   bool      `json:"shared"`  // the practice's database is a PostgreSQL, which is backed up with its own tools
	Entries  uint64    `json:"entries"` // of the ledger
	Contents []Part    `json:"contents"`
}

// Part is one file of a backup, or a folder.
type Part struct {
	Name   string            `json:"name"` // with slashes
	Folder bool              `json:"folder,omitempty"`
	Size   int64             `json:"size,omitempty"` // bytes
	SHA256 string            `json:"sha256,omitempty"`
	At     time.Time         `json:"modified,omitzero"`
	Attrs  map[string][]byte `json:"attributes,omitempty"` // extended ones: the embedded store keeps types and digests there
}

// InOrder are the parts in the order of their names: a folder comes before what is in it.
func InOrder(parts map[string]Part) []Part {
	out := make([]Part, 0, len(parts))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		out = append(out, parts[name])
	}
	return out
}

// parse takes an inventory, and refuses that of a newer program.
func parse(list []byte) (inv Inventory, err error) {
	if list == nil || json.Unmarshal(list, &inv) != nil || inv.Format < 1 {
		return inv, fmt.Errorf("%w: its inventory is missing or damaged", ErrDamaged)
	}
	if inv.Format > Format {
		return inv, ErrNewer
	}
	for _, p := range inv.Contents {
		if !filepath.IsLocal(filepath.FromSlash(p.Name)) || p.Name != path.Clean(p.Name) || p.Size < 0 {
			return inv, fmt.Errorf("%w: its inventory has a name that leads elsewhere", ErrDamaged)
		}
	}
	return inv, nil
}

// failed says what was being done; nil stays nil. The path goes.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, watch.Scrub(err))
}
