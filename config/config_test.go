package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const design = `practice:
  name: Lakeside Dental
  state: NY                       # state deadlines; stricter wins
  address: 1 Main Street, Albany NY
  contact: {name: Privacy Officer, phone: "+1 518 555 0100", email: privacy@lakeside.example}
outbox: outbox
state: state                      # engine database, sealed files, ledger, keys; mode 0700
database: ""                      # empty: SQLite under state; or postgres://… shared by many sites
site: front-desk                  # stable name of this daemon
recipients: recipients.yaml
sources:                          # ordered; {patient.id} is filled in
  - {kind: chart,      path: "records/{patient.id}/charts/**/*.pdf"}
  - {kind: radiograph, path: "records/{patient.id}/radiographs/**"}
  - {kind: photo,      path: "OpenDentImages/{patient.initial}/{patient.last}{patient.first}{patient.id}/**"}
  - {kind: radiograph, path: "/imaging/export/**", match: dicom}
sensitive:
  - {category: facial_photo, path: "**/face*"}
approval: {require: signature, approvers: {dr-lee: RWQ1OM3yOwT27dCD1M6p5ZV9AXzyXHqW2SE4aACvMiYeE5dnIWoZdB5h}}
export: ""
store: {kind: local}
link: {lifetime: 7d}
`

func TestDesignExampleParses(t *testing.T) {
	c, err := parse("/practice/chartseal.yaml", []byte(design), place{dir: "/practice"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Outbox != filepath.FromSlash("/practice/outbox") || c.Sources[0].Path != "/practice/records/{patient.id}/charts/**/*.pdf" ||
		c.Sources[3].Path != "/imaging/export/**" || c.Sources[3].Match != MatchDICOM || c.Export != "" ||
		c.Link.Lifetime.Duration() != 7*24*time.Hour || c.Store.Checksums != ChecksumsAuto || !c.Bundle.Compress ||
		c.Watch.Scan.Duration() != 15*time.Second || c.Approval.Require != RequireSignature {
		t.Errorf("read as %+v", c)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	bad := strings.NewReplacer("state: NY", "state: New York", "site: front-desk", "site: front desk", "outbox: outbox", "outbx: outbox",
		`database: ""`, `database: mysql://u:geheim@h/db`, "{kind: chart,", "{kind: charts,", "{patient.id}/radiographs", "{id}/radiographs",
		"match: dicom", "", "{kind: local}", "{kind: s3, endpoint: http://s3.example.com, kms_key: k}", "7d", "30d", "RWQ1OM3y", "RWQ").Replace(design)
	_, err := parse("c.yaml", []byte(bad), place{dir: "/practice"})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("no Error: %v", err)
	}
	want := []string{
		`Line 3: 'practice.state' is "New York"; write the state's two capital letters, like NY, or leave it out`,
		`Line 6: 'outbx' is not a field; did you mean 'outbox'?`,
		`Line 8: 'database' must be empty, for the built-in database, or begin with postgres://`,
		`Line 9: 'site' is "front desk"; write it with letters, digits and -`,
		`Line 12: 'sources[0].kind' is "charts"; it must be one of chart, treatment_plan, consent, billing, lab, implant, radiograph, cbct, scan, photo, model, or a kind listed under 'kinds'`,
		`Line 13: 'sources[1].path' holds {id}, which is not known; did you mean {patient.id}?`,
		`Line 15: 'sources[3].path' is the same for every patient. Put {patient.id} into it, or add match: dicom to find files by the patient number inside them`,
		`Line 18: 'approval.approvers.dr-lee' is not a minisign public key (56 letters that begin with RW); make one with 'chartseal key'`,
		`Line 20: 'store.bucket' is missing; a store of kind s3 needs a bucket`,
		`Line 20: 'store.endpoint' must begin with https://; plain http is allowed only on this computer (127.0.0.1)`,
		`Line 20: 'store.kms_key' is used only with sse: aws:kms`,
		`Line 21: 'link.lifetime' is 30d; it must be between 1s and 7d`,
	}
	for i := range max(len(want), len(e.Problems)) {
		g, w := "", ""
		if i < len(e.Problems) {
			g = e.Problems[i].String()
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("problem %d:\n got %s\nwant %s", i, g, w)
		}
	}
	if strings.Contains(err.Error(), "geheim") {
		t.Error("the error shows the database's password")
	}
}

// TestOwnPolicy: what a practice changes about rules, approval and brake.
func TestOwnPolicy(t *testing.T) {
	with := func(approval, rest string) (*Config, error) {
		text := strings.Replace(design, "approval: {require: signature,", "approval: {require: signature, "+approval, 1) + "\n" + rest
		return parse("/practice/chartseal.yaml", []byte(text), place{dir: "/practice"})
	}
	c, err := with("different: true, book: signed,", "rules: {off: [R14], tighten: {R12: refuse, R32: hold}, repeat: 30d, identity_days: 7}\nbrake: {per_day: 40, per_recipient: 5}\ndocuments: forms\n")
	if err != nil {
		t.Fatal(err)
	}
	if !c.Approval.Different || c.Approval.Book != BookSigned || c.Rules.Tighten["R12"] != "refuse" || c.Rules.Tighten["R32"] != "hold" ||
		c.Brake != (Brake{PerDay: 40, PerRecipient: 5}) || c.Documents != filepath.FromSlash("/practice/forms") || c.Rules.Repeat.Duration() != 30*24*time.Hour {
		t.Errorf("read as %+v", c)
	}
	for rest, want := range map[string]string{
		"rules: {tighten: {R12: warn}}":               "rules.tighten.R12",
		"rules: {tighten: {r12: hold}}":               "rules.tighten.r12",
		"rules: {off: [R12], tighten: {R12: refuse}}": "keep one of the two",
		"rules: {repeat: 3000d}":                      "rules.repeat",
		"rules: {identity_days: 31}":                  "rules.identity_days",
		"rules: {identity_days: -1}":                  "rules.identity_days",
		"retention: {years: 5}":                       "retention.years",
		"retention: {years: 0}":                       "retention.years",
		"retention: {years: 101}":                     "retention.years",
		"brake: {per_day: -1}":                        "brake.per_day",
		"brake: {per_patient: 1}":                     "per_patient",
	} {
		if _, err := with("", rest); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", rest, err, want)
		}
	}
	text := regexp.MustCompile(`approval: \{.*`).ReplaceAllString(design, "approval: {require: name, book: signed, approvers: {dr-lee: \"\"}}")
	if _, err := parse("c.yaml", []byte(text), place{dir: "/practice"}); err == nil || !strings.Contains(err.Error(), "approval.book") {
		t.Errorf("a book that nobody can sign: %v", err)
	}
}

func TestPathsOfBothSystems(t *testing.T) {
	windows := place{dir: `C:\practice`, windows: true}
	share := place{dir: `\\server\share\practice`, windows: true}
	linux := place{dir: "/practice"}
	for _, c := range []struct {
		at          place
		path, want  string
		wrongPrefix string
	}{
		{windows, "outbox", "C:/practice/outbox", ""},
		{windows, `D:\imaging\export`, "D:/imaging/export", ""},
		{windows, "D:/imaging", "D:/imaging", ""},
		{windows, `\\server\share\imaging\..\x`, "//server/share/x", ""},
		{windows, "//server/share", "//server/share", ""},
		{windows, `\\server`, "", "names a server without a share"},
		{windows, `\imaging`, "", "lacks a drive letter"},
		{windows, "D:imaging", "", `lacks a \ after the drive letter`},
		{windows, "C:\temp", "", "holds a tab"},
		{windows, "C:\backup", "", "holds a tab"},
		{windows, "\\server\forms", "", "holds a tab"},
		{share, "outbox", "//server/share/practice/outbox", ""},
		{linux, "outbox", "/practice/outbox", ""},
		{linux, "../x", "/x", ""},
		{linux, "/imaging//a", "/imaging/a", ""},
		{linux, `D:\imaging`, "", "is a Windows path"},
		{linux, `\\server\share`, "", "is a Windows path"},
	} {
		got, wrong := c.at.absolute(c.path)
		if !strings.HasPrefix(wrong, c.wrongPrefix) || (c.wrongPrefix == "") != (wrong == "") || wrong == "" && got != c.want {
			t.Errorf("%q under %s: %q, %q; want %q, %q", c.path, c.at.dir, got, wrong, c.want, c.wrongPrefix)
		}
	}
}

func TestWindowsSources(t *testing.T) {
	data := "practice: {name: X}\nsources:\n  - {kind: chart, path: '\\\\server\\records\\{patient.id}\\**'}\n  - {kind: photo, path: 'C:\\x\\{patient.id}\\*.{jpg,png}'}\napproval: {require: name, approvers: {a: \"\"}}\n"
	c, err := parse("chartseal.yaml", []byte(data), place{dir: `C:\practice`, windows: true})
	if err != nil {
		t.Fatal(err)
	}
	if c.Sources[0].Path != "//server/records/{patient.id}/**" || c.Sources[1].Path != "C:/x/{patient.id}/*.{jpg,png}" || c.Outbox != `C:\practice\outbox` {
		t.Errorf("read as %+v, outbox %s", c.Sources, c.Outbox)
	}
}

// TestASensitivePatternOfEscapes: it would match nothing, and what it names would go.
func TestASensitivePatternOfEscapes(t *testing.T) {
	for path, wrong := range map[string]bool{`"**\face*"`: true, `"**\therapy"`: true, `'**\face*'`: false, `"**/face*"`: false} {
		text := strings.Replace(design, `path: "**/face*"`, "path: "+path, 1)
		_, err := parse("c.yaml", []byte(text), place{dir: `C:\practice`, windows: true})
		if said := err != nil && strings.Contains(err.Error(), "sensitive[0].path") && strings.Contains(err.Error(), "holds a tab"); said != wrong {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestFoldersMustBeApart(t *testing.T) {
	data := strings.Replace(design, "state: state  ", "state: outbox/state", 1)
	_, err := parse("c.yaml", []byte(data), place{dir: "/practice"})
	if err == nil || !strings.Contains(err.Error(), "'state' lies inside 'outbox'; give each a folder of its own") {
		t.Errorf("error %v", err)
	}
}

func TestTemplates(t *testing.T) {
	for pattern, want := range map[string]string{
		"r/{patient.id}/**":     "",
		"r/{patient.last}*/**":  "",
		"r/{patient.initial}/*": "is the same for every patient",
		"r/**":                  "is the same for every patient",
		"r/{patient.name}/**":   "holds {patient.name}, which is not known",
		"r/{patient.id}/../**":  "goes up with ..",
		"r/{patient.id}/[x":     "is not a valid pattern",
	} {
		_, wrong := place{dir: "/p"}.pattern(Source{Kind: "chart", Path: pattern})
		if !strings.HasPrefix(wrong, want) || (want == "") != (wrong == "") {
			t.Errorf("%s: %q, want %q", pattern, wrong, want)
		}
	}
}

func TestSecretIsWithheld(t *testing.T) {
	s := Secret("postgres://u:geheim@h/db")
	marshalled, err := json.Marshal(struct{ S Secret }{s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("database", s))
	shown := fmt.Sprintf("%v %s %q %x %d %#v %+v %s", s, s, s, s, s, s, struct{ S Secret }{s}, marshalled) + log.String()
	if strings.Contains(shown, "geheim") || strings.Contains(shown, fmt.Sprintf("%x", "geheim")) || !strings.Contains(log.String(), "database=withheld") {
		t.Errorf("shown as %s", shown)
	}
	if s.Reveal() != "postgres://u:geheim@h/db" {
		t.Error("the secret cannot be read")
	}
}

func TestExampleParses(t *testing.T) {
	key := "RWQ1OM3yOwT27dCD1M6p5ZV9AXzyXHqW2SE4aACvMiYeE5dnIWoZdB5h"
	for _, s := range []Starter{
		{Practice: "Lakeside Dental", State: "NY", Site: "front-desk", Approvers: map[string]string{"dr-lee": key}},
		{Practice: "Zahnärzte \"Müller\": & Söhne #1\n"},
		{Practice: "A <b> practice", Approvers: map[string]string{"Dr. Lee": ""}},
	} {
		data, err := Example(s)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "chartseal.yaml")
		if err = os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if c.Practice.Name != s.Practice || c.File != file || c.Outbox != filepath.Join(filepath.Dir(file), "outbox") {
			t.Errorf("read as %+v", c)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "no.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	var e *Error
	if _, err := Load(t.TempDir()); !errors.As(err, &e) {
		t.Errorf("folder: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(design))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("/p/chartseal.yaml", data)
		var e *Error
		if err != nil && (!errors.As(err, &e) || len(e.Problems) == 0) {
			t.Fatalf("an error without problems: %v", err)
		}
		if err == nil && (len(c.Sources) == 0 || c.Practice.Name == "") {
			t.Error("an incomplete configuration was accepted")
		}
	})
}
