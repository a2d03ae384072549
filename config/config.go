// Package config reads chartseal.yaml: where the records are, who may approve,
// where bundles go. It fills in defaults, resolves relative paths against the
// file's folder and reports everything that is wrong at once, with field names
// and line numbers.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"chartseal/config/strict"
)

// ErrUnusable says that what the configuration names cannot be used: a file, a folder, an
// address.
var ErrUnusable = errors.New("configuration")

// Config is chartseal.yaml with its defaults filled in. Paths are absolute.
type Config struct {
	Practice     Practice    `yaml:"practice,required"`
	Outbox       string      `yaml:"outbox"`       // default outbox
	State        string      `yaml:"state"`        // default state; engine database, sealed files, ledger, keys
	Database     Secret      `yaml:"database"`     // "": SQLite under state; or postgres://...
	Site         string      `yaml:"site"`         // stable name of this daemon; default main
	Recipients   string      `yaml:"recipients"`   // the recipient book; default recipients.yaml
	Restrictions string      `yaml:"restrictions"` // what patients asked for; "": none
	Kinds        []string    `yaml:"kinds"`        // kinds of record besides the standard ones
	Sources      []Source    `yaml:"sources,required"`
	Sensitive    []Sensitive `yaml:"sensitive"`
	Approval     Approval    `yaml:"approval,required"`
	Brake        Brake       `yaml:"brake"`
	Documents    string      `yaml:"documents"` // where signed forms are filed; "": the program does not look at them
	Export       string      `yaml:"export"`    // folder for delivery: folder; "": not offered
	Store        Store       `yaml:"store"`
	Link         Link        `yaml:"link"`
	Bundle       Bundle      `yaml:"bundle"`
	Watch        Watch       `yaml:"watch"`
	Rules        Rules       `yaml:"rules"`
	DICOM        DICOM       `yaml:"dicom"`
	Deadlines    Deadlines   `yaml:"deadlines"`
	Retention    Retention   `yaml:"retention"`
	Status       Status      `yaml:"status"`
	Alerts       Alerts      `yaml:"alerts"`
	Log          Log         `yaml:"log"`

	// File is the absolute path of the file, "" if it was parsed from memory, and Sum
	// the SHA-256 of what was read from it, in hexadecimal.
	File string `yaml:"-"`
	Sum  string `yaml:"-"`

	doc *strict.Document
}

// Problem is what is wrong with a field, such as "dicom.overrides[0]", with the
// field's name and its line, for what only the one who applies it can judge.
func (c *Config) Problem(field string, err error) error {
	const form = "'%s' cannot stand: %v"
	if c.doc == nil {
		return fmt.Errorf(form, field, err)
	}
	return errors.New(c.doc.Problem(field, form, field, err).String())
}

// Practice is who sends.
type Practice struct {
	Name    string  `yaml:"name,required"`
	State   string  `yaml:"state"` // two letters; "": federal deadlines only
	Address string  `yaml:"address"`
	Contact Contact `yaml:"contact"`
}

// Contact is whom recipients and patients call.
type Contact struct {
	Name  string `yaml:"name"`
	Phone string `yaml:"phone"`
	Email string `yaml:"email"`
}

// Source is one place where records of a kind are found.
type Source struct {
	Kind string `yaml:"kind,required"`
	// Path is an absolute pattern with / between folders on every system
	// (//server/share/... and C:/... on Windows), doublestar wildcards, and the
	// templates of [Templates].
	Path  string `yaml:"path,required"`
	Match Match  `yaml:"match"`
}

// Match says how a file of a source is known to be the patient's.
type Match string

// The ways to match a file.
const (
	MatchPath  Match = ""      // the path names the patient
	MatchDICOM Match = "dicom" // PatientID inside the file, from an index
)

// Choices lists the ways to match.
func (Match) Choices() []string { return []string{"dicom"} }

// Sensitive marks files of a category that needs express permission on the order.
type Sensitive struct {
	Category string `yaml:"category,required"`
	Path     string `yaml:"path,required"` // doublestar pattern, matched against the end of a record's path
}

// Approval is how orders are approved.
type Approval struct {
	Require   Require           `yaml:"require,required"`
	Approvers map[string]string `yaml:"approvers,required"` // name to minisign public key
	Different bool              `yaml:"different"`          // who prepared an order may not approve it
	Book      Book              `yaml:"book"`               // whether the recipient book must be signed
}

// Book is what the recipient book needs beside itself.
type Book string

// What the recipient book needs.
const (
	BookPlain  Book = ""
	BookSigned Book = "signed" // recipients.yaml.minisig, by the key of an approver
)

// Choices lists what the recipient book can need.
func (Book) Choices() []string { return []string{"signed"} }

// Brake is how many releases may go out within 24 hours without a person's
// decision; 0 is no limit.
type Brake struct {
	PerDay       int `yaml:"per_day"`
	PerRecipient int `yaml:"per_recipient"`
	PerApprover  int `yaml:"per_approver"`
}

// Require is what counts as an approval.
type Require string

// What counts as an approval.
const (
	RequireName      Require = "name"      // the approver's name in the order
	RequireSignature Require = "signature" // a signature of the order's file by the approver's key
)

// Choices lists what can be required.
func (Require) Choices() []string { return []string{"name", "signature"} }

// Store is where bundles are uploaded.
type Store struct {
	Kind      StoreKind `yaml:"kind"` // default local
	Bucket    string    `yaml:"bucket"`
	Region    string    `yaml:"region"`
	Endpoint  string    `yaml:"endpoint"` // "": AWS
	PathStyle bool      `yaml:"path_style"`
	Prefix    string    `yaml:"prefix"`
	SSE       SSE       `yaml:"sse"`
	KMSKey    string    `yaml:"kms_key"`
	Checksums Checksums `yaml:"checksums"` // default auto
	BAAOn     string    `yaml:"baa_on"`    // YYYY-MM-DD: business associate agreement with the provider
}

// StoreKind is local or s3.
type StoreKind string

// The kinds of store.
const (
	StoreLocal StoreKind = "local" // embedded S3 server on loopback
	StoreS3    StoreKind = "s3"
)

// Choices lists the kinds of store.
func (StoreKind) Choices() []string { return []string{"local", "s3"} }

// SSE is the server-side encryption asked of S3 (x-amz-server-side-encryption).
type SSE string

// The kinds of server-side encryption.
const (
	SSEDefault SSE = "" // as the bucket is configured
	SSES3      SSE = "AES256"
	SSEKMS     SSE = "aws:kms"
)

// Choices lists the kinds of server-side encryption.
func (SSE) Choices() []string { return []string{"AES256", "aws:kms"} }

// Checksums says which checksums go with an upload.
type Checksums string

// The checksum policies.
const (
	ChecksumsAuto         Checksums = "auto" // CRC64NVME on AWS, when required elsewhere
	ChecksumsCRC64NVME    Checksums = "crc64nvme"
	ChecksumsWhenRequired Checksums = "when_required"
)

// Choices lists the checksum policies.
func (Checksums) Choices() []string { return []string{"auto", "crc64nvme", "when_required"} }

// Link is how long links live.
type Link struct {
	Lifetime strict.Duration `yaml:"lifetime"` // default and most 7d
	// Keep is how long a bundle stays in the store after its last link was
	// made, so that a new link needs no new upload; default 30d. It is never
	// deleted while a link to it lives.
	Keep strict.Duration `yaml:"keep"`
}

// DefaultKeep is how long a bundle stays in the store after its last link:
// the time in which a patient's request is answered, 45 CFR 164.524(b)(2).
const DefaultKeep = strict.Duration(30 * 24 * time.Hour)

// MaxLinkLifetime is the longest a presigned S3 link lives (AWS Signature
// Version 4). Role credentials can shorten it.
const MaxLinkLifetime = strict.Duration(7 * 24 * time.Hour)

// Bundle is how bundles are packed.
type Bundle struct {
	Compress bool `yaml:"compress"` // default true; formats that are compressed already are stored
	// Escrow is a public key of the practice's own, whose secret half it keeps apart:
	// bundles open with it, too, where age allows that. "": none.
	Escrow string `yaml:"escrow"`
}

// Watch is how the outbox is watched.
type Watch struct {
	Scan   strict.Duration `yaml:"scan"`   // time between full scans; default 15s
	Settle strict.Duration `yaml:"settle"` // time a file must be unchanged; default 2s
}

// Rules is what the practice's counsel has switched off or made stricter. Which
// rules there are is for the one who applies them.
type Rules struct {
	Off     []string            `yaml:"off"`     // rule ids, such as R14
	Tighten map[string]Stricter `yaml:"tighten"` // rule id to its outcome, such as R12: refuse
	// Repeat is how long an order that asks for the same records for the same
	// recipient is held as a probable mistake (R34); 0: never.
	Repeat strict.Duration `yaml:"repeat"`
	// IdentityDays is how old the check of who asks may be when a request arrives (R1);
	// 0: 30, which is also the most.
	IdentityDays int `yaml:"identity_days"`
}

// Stricter is what a rule is made to do.
type Stricter string

// Choices lists what a rule can be made to do.
func (Stricter) Choices() []string { return []string{"hold", "refuse"} }

// Deadlines is what the practice's counsel changed in the table of deadlines, and
// when the practice wants to be warned.
type Deadlines struct {
	Warn   int                  `yaml:"warn"`   // days before the due date; default 10
	Remind int                  `yaml:"remind"` // age in days of an open order that no law sets a date for; default 14
	States map[string]StateTime `yaml:"states"` // by two letters
	Closed []string             `yaml:"closed"` // YYYY-MM-DD: no business days, besides the federal holidays
}

// StateTime is a state's time for an answer to a patient's request.
type StateTime struct {
	Inspect strict.Days `yaml:"inspect"` // to let the patient look at the records
	Copies  strict.Days `yaml:"copies"`  // to send copies
	Extends bool        `yaml:"extends"` // the one extension of the federal rule moves it too
}

// Retention is how long the answers to orders, with their letters, must be kept.
type Retention struct {
	// Years from the day they were made or last in effect; default and least 6, 45 CFR
	// 164.530(j)(2). A state's law can make it longer.
	Years int `yaml:"years"`
}

// KeepYears is the federal time, 45 CFR 164.316(b)(2)(i), 164.530(j)(2).
const KeepYears = 6

// Error says everything that is wrong with a configuration.
type Error struct {
	File     string
	Problems []strict.Problem
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = e.File + ": " + p.String()
	}
	return strings.Join(lines, "\n")
}

// Load reads a configuration file. A file that cannot be read is an
// [*os.PathError]; everything else that is wrong is an [*Error].
func Load(path string) (*Config, error) {
	file, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find configuration: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if info.Size() > strict.MaxBytes || !info.Mode().IsRegular() {
		return nil, &Error{path, []strict.Problem{{Message: "This is not a configuration file: it is a folder, a device or larger than 1 MiB."}}}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(file, data)
}

// Parse reads a configuration that stands at path name, which gives the folder
// that relative paths start from. No file is touched: whether folders exist is
// for the one who opens them.
func Parse(name string, data []byte) (*Config, error) {
	return parse(name, data, place{dir: filepath.Dir(name), windows: runtime.GOOS == "windows"})
}

func parse(name string, data []byte, at place) (*Config, error) {
	c := defaults()
	doc, problems := strict.Decode(name, data, c)
	if doc == nil {
		return nil, &Error{name, problems}
	}
	v := validator{doc: doc, problems: problems, place: at}
	v.config(c)
	if len(v.problems) > 0 {
		return nil, &Error{name, strict.Sorted(v.problems)}
	}
	sum := sha256.Sum256(data)
	c.File, c.Sum, c.doc = name, hex.EncodeToString(sum[:]), doc
	return c, nil
}

func defaults() *Config {
	return &Config{
		Outbox:     "outbox",
		State:      "state",
		Site:       "main",
		Recipients: "recipients.yaml",
		Store:      Store{Kind: StoreLocal, Checksums: ChecksumsAuto},
		Link:       Link{Lifetime: MaxLinkLifetime, Keep: DefaultKeep},
		Bundle:     Bundle{Compress: true},
		Deadlines:  Deadlines{Warn: 10, Remind: 14},
		Retention:  Retention{Years: KeepYears},
		Watch:      Watch{Scan: strict.Duration(15 * time.Second), Settle: strict.Duration(2 * time.Second)},
		Alerts:     Alerts{After: strict.Duration(defaultAfter), Disk: 2, Mail: Mail{TLS: MailStartTLS}},
		Log:        Log{Size: 10, Days: 30, Keep: 12},
	}
}
