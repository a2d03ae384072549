package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/rogpeppe/go-internal/testscript"

	"chartseal"
	"chartseal/redact/pdffile/pdfium/pdfiumtest"
	"chartseal/testdata/practice"
	"chartseal/transport/storetest/versioned"
)

// The test binary is chartseal itself: the scripts, and the child processes of
// what they start, run it under that name.
func TestMain(m *testing.M) {
	useUnwatched()
	if dir := os.Getenv(versioned.Env); dir != "" {
		fmt.Fprintln(os.Stderr, versioned.Serve(dir))
		os.Exit(1)
	}
	if os.Getenv("CHARTSEAL_TEST_CHILD") != "" { // a child of a test that runs in this process
		countSteps()
		endAt()
		os.Exit(run(os.Args[1:]))
	}
	if os.Getenv(chartseal.PDFCacheEnv) == "" { // the stories compile the PDF engine once
		cache, err := pdfiumtest.Cache()
		if err != nil {
			panic(err)
		}
		_ = os.Setenv(chartseal.PDFCacheEnv, cache)
	}
	childEnv = []string{"CHARTSEAL_TEST_CHILD=1"}
	testscript.Main(cleaned{m}, map[string]func(){
		"chartseal": func() {
			runUnwatched(os.Args[1:])
			os.Exit(run(os.Args[1:]))
		},
	})
}

// TestScripts are the stories of the command line: one requirement each.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TODAY", time.Now().Format(time.DateOnly))
			env.Setenv("YESTERDAY", time.Now().AddDate(0, 0, -1).Format(time.DateOnly))
			env.Setenv("TOMORROW", time.Now().AddDate(0, 0, 1).Format(time.DateOnly))
			env.Setenv(chartseal.PDFCacheEnv, os.Getenv(chartseal.PDFCacheEnv))
			env.Setenv(unwatchedEnv, os.Getenv(unwatchedEnv))
			env.Setenv("CHARTSEAL_LOG", filepath.Join(env.WorkDir, "log.json"))
			tmp := filepath.Join(env.WorkDir, ".tmp")
			for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
				env.Setenv(name, tmp)
			}
			env.Defer(func() { searchForPatients(env.T(), env.WorkDir) })
			return unwatchedStory(env)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"practice":   makePractice,
			"approver":   makeApprover,
			"order":      makeOrder,
			"fillform":   fillFormCmd,
			"truncate":   truncateFile,
			"exits":      exits,
			"eventually": eventually,
			"replace":    replace,
			"expand":     expand,
			"serving":    serving,
			"count":      count,
			"elapse":     elapse,
			"until":      until,
		},
	})
}

// exits CODE COMMAND…: the command ends with this exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// eventually FILE [TEXT]: the file appears, and holds the text.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if found, err := filepath.Glob(ts.MkAbs(args[0])); err == nil && len(found) > 0 {
			if len(args) == 1 || strings.Contains(ts.ReadFile(found[0]), args[1]) {
				return
			}
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}

// serving RECEIPT: the store of the receipt's link answers.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(`"link": "http://([^/]+)/`).FindStringSubmatch(ts.ReadFile(args[0]))
	if m == nil {
		ts.Fatalf("no link in %s", args[0])
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if c, err := net.DialTimeout("tcp", m[1], time.Second); err == nil {
			ts.Check(c.Close())
			return
		}
	}
	ts.Fatalf("the store does not answer")
}

// replace FILE OLD NEW: changes a file; OLD must be there.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// expand VARIABLE FILE REGEXP: the first submatch of the file becomes an
// environment variable.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if m == nil {
		ts.Fatalf("%s does not match %s", args[1], args[2])
	}
	ts.Setenv(args[0], m[1])
}

// elapse DURATION: time goes by.
func elapse(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}

// until FILE WORD DAYS: the word becomes the date so many days from today.
func until(ts *testscript.TestScript, neg bool, args []string) {
	days, err := strconv.Atoi(args[2])
	ts.Check(err)
	replace(ts, neg, []string{args[0], args[1], time.Now().AddDate(0, 0, days).Format(time.DateOnly)})
}

// count N FILE REGEXP: the file matches this often.
func count(ts *testscript.TestScript, _ bool, args []string) {
	n := len(regexp.MustCompile(args[2]).FindAllString(ts.ReadFile(args[1]), -1))
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d matches of %s, want %s", n, args[2], args[0])
	}
}

// makePractice DIR: a small synthetic practice with the embedded store.
func makePractice(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(smallPractice(ts.MkAbs(args[0])))
}

// makeApprover FILE VARIABLE: an approver's key without a passphrase, and its
// public key. Passphrases take 1 GiB and seconds each: TestInteropApprover has them.
func makeApprover(ts *testscript.TestScript, _ bool, args []string) {
	pub, key, err := minisign.GenerateKey(rand.Reader)
	ts.Check(err)
	text, err := key.MarshalText()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
	ts.Setenv(args[1], pub.String())
}

// makeOrder KIND PATIENT ID FILE [old=new…]: a release order, treatment or
// access, with textual changes.
func makeOrder(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: order treatment|access PATIENT ID FILE [old=new...]")
	}
	who, ok := find(args[1])
	if !ok {
		ts.Fatalf("no patient %s", args[1])
	}
	o := practice.OrderOptions{Now: time.Now()}
	text := string(practice.OrderFor(who, args[2], o))
	if args[0] == "access" {
		text = string(practice.AccessOrderFor(who, args[2], o))
	}
	for _, change := range args[4:] {
		old, now, ok := strings.Cut(change, "=")
		if !ok || !strings.Contains(text, old) {
			ts.Fatalf("the order has no %q", old)
		}
		text = strings.Replace(text, old, strings.ReplaceAll(now, `\n`, "\n"), 1)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(text), 0o600))
}

func find(id string) (practice.Patient, bool) {
	for _, p := range practice.People() {
		if p.ID == id {
			return p, true
		}
	}
	return practice.Patient{}, false
}

// truncateFile FILE BYTES: cuts bytes off the end.
func truncateFile(ts *testscript.TestScript, _ bool, args []string) {
	matches, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(matches) == 0 {
		ts.Check(errors.New("no such file"))
	}
	info, err := os.Stat(matches[0])
	ts.Check(err)
	ts.Check(os.Truncate(matches[0], info.Size()-1000))
}
