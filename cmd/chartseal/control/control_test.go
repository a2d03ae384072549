package control_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/cmd/chartseal/control"
)

type word struct {
	Text string `json:"text"`
}

// serve answers "echo" with what it was asked and "no" with a failure.
func serve(t *testing.T, state string) *control.Server {
	t.Helper()
	s, err := control.Serve(t.Context(), state, map[string]control.Handler{
		"echo": func(_ context.Context, q []byte) (any, error) {
			var w word
			err := json.Unmarshal(q, &w)
			return w, err
		},
		"no": func(context.Context, []byte) (any, error) {
			return nil, &control.Failure{Code: 3, Text: "held"}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAsk(t *testing.T) {
	state := t.TempDir()
	s := serve(t, state)
	var got word
	if err := control.Ask(t.Context(), state, "echo", word{"Müller"}, &got); err != nil || got.Text != "Müller" {
		t.Errorf("asked for an echo: %q, %v", got.Text, err)
	}
	err := control.Ask(t.Context(), state, "no", word{}, &got)
	if no, ok := errors.AsType[*control.Failure](err); !ok || no.Code != 3 || no.Text != "held" {
		t.Errorf("asked for a no: %v", err)
	}
	if err := control.Ask(t.Context(), state, "other", word{}, &got); err == nil {
		t.Error("an unknown question was answered")
	}
	if err := control.Ask(t.Context(), state, "echo", word{strings.Repeat("x", 25<<20)}, &got); err == nil {
		t.Error("a question without bounds was answered")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := control.Ask(t.Context(), state, "echo", word{}, &got); !errors.Is(err, control.ErrNobody) {
		t.Errorf("asked a daemon that is gone: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(state, "*")); len(left) > 0 {
		t.Error("something is left in the state folder", left)
	}
}

// Another program on the old port learns nothing, and who has no token gets nothing.
func TestOnlyTheTwoOfThem(t *testing.T) {
	state := t.TempDir()
	old := serve(t, state)
	file := filepath.Join(state, "control.json")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s := serve(t, state)
	defer func() { _ = s.Close() }()
	now, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var a, b map[string]any
	if err := errors.Join(json.Unmarshal(before, &a), json.Unmarshal(now, &b)); err != nil {
		t.Fatal(err)
	}
	if a["token"] == b["token"] || bytes.Equal(before, now) {
		t.Fatal("the token outlives its daemon")
	}
	a["address"] = b["address"] // the port was taken over
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := control.Ask(t.Context(), state, "echo", word{}, &word{}); !errors.Is(err, control.ErrNobody) {
		t.Errorf("asked a stranger: %v", err)
	}
	address, _ := b["address"].(string)
	withoutToken(t, address)
}

func withoutToken(t *testing.T, address string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address+"/echo", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	blind := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // a stranger's client
	defer blind.CloseIdleConnections()
	res, err := blind.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusUnauthorized {
		t.Error("without a token the answer is", res.Status)
	}
}

// What is in the way of the note for a moment, as a reader is on Windows, keeps nobody from
// asking.
func TestTheNoteIsTriedAgain(t *testing.T) {
	state := t.TempDir()
	serve(t, state)
	names, err := filepath.Glob(filepath.Join(state, "*"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	if err := errors.Join(os.Remove(names[0]), os.MkdirAll(filepath.Join(names[0], "in-the-way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	gone := time.AfterFunc(60*time.Millisecond, func() { _ = os.RemoveAll(names[0]) })
	defer gone.Stop()
	serve(t, state)
	if info, err := os.Stat(names[0]); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v", err)
	}
}
