package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
)

func TestSecretDoesNotShow(t *testing.T) {
	const plain = "https://store.example/bundle?X-Amz-Signature=0123"
	l := transport.Link{URL: plain}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("link", l), slog.Any("url", l.URL))
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("link", l), slog.Any("url", l.URL))
	encoded, err := json.Marshal(map[string]any{"link": l, "url": l.URL})
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s"} {
		fmt.Fprintf(&shown, verb+" "+verb+"\n", l.URL, l)
	}
	fmt.Fprintln(&shown, errors.New(fmt.Sprint(l.URL)), l)
	all := log.String() + string(encoded) + shown.String()
	for _, part := range []string{"store.example", "0123", fmt.Sprintf("%x", "store"), fmt.Sprintf("%X", "store")} {
		if strings.Contains(all, part) {
			t.Errorf("the link shows %q in %s", part, all)
		}
	}
	if l.URL.Reveal() != plain {
		t.Error("Reveal does not reveal")
	}
}

func TestNewKey(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		key, err := transport.NewKey(nil, "out/")
		if err != nil {
			t.Fatal(err)
		}
		page := strings.TrimSuffix(key, transport.KeySuffix) + transport.PageSuffix
		if !transport.IsPageKey(page, "out/") || transport.IsKey(page, "out/") || transport.IsPageKey(key, "out/") {
			t.Fatalf("page %q beside %q", page, key)
		}
		if !transport.IsKey(key, "out/") || transport.IsKey(key, "") || seen[key] {
			t.Fatalf("key %q", key)
		}
		seen[key] = true
	}
	key, err := transport.NewKey(bytes.NewReader(make([]byte, 16)), "")
	if err != nil || key != strings.Repeat("a", 26)+".zip.age" {
		t.Errorf("%q, %v", key, err)
	}
	if _, err := transport.NewKey(bytes.NewReader(make([]byte, 15)), ""); err == nil {
		t.Error("a key of too few random bits")
	}
	for _, other := range []string{"", "report.zip.age", strings.Repeat("a", 26) + ".zip", strings.Repeat("1", 26) + ".zip.age", "x/" + key} {
		if transport.IsKey(other, "") {
			t.Errorf("%q is taken for a key", other)
		}
	}
}

func TestError(t *testing.T) {
	err := fmt.Errorf("send: %w", &transport.Error{
		Op: "upload part", Class: transport.ErrInterrupted, Code: "X", Status: 500, RequestID: "R", Cause: context.Canceled,
	})
	if got := err.Error(); got != "send: upload part: interrupted (X, status 500, request R)" {
		t.Error(got)
	}
	if !errors.Is(err, transport.ErrInterrupted) || !errors.Is(err, context.Canceled) || errors.Is(err, transport.ErrDenied) {
		t.Error("class or cause is lost")
	}
	retryable := map[error]bool{
		transport.ErrUnavailable: true, transport.ErrInterrupted: true, transport.ErrFull: true,
		transport.ErrDenied: false, transport.ErrExists: false, transport.ErrNotFound: false,
		transport.ErrRejected: false, transport.ErrChanged: false,
	}
	for class, want := range retryable {
		if transport.Retryable(&transport.Error{Class: class}) != want {
			t.Errorf("%v: retryable is not %v", class, want)
		}
	}
	for cause, class := range map[error]error{transport.ErrClock: transport.ErrDenied, transport.ErrNoBucket: transport.ErrRejected} {
		if err := error(&transport.Error{Class: cause}); !errors.Is(err, cause) || !errors.Is(err, class) || transport.Retryable(err) {
			t.Errorf("%v is not of class %v, or retryable", cause, class)
		}
	}
	for told, want := range map[time.Duration]time.Duration{-time.Second: 0, 0: 0, time.Minute: time.Minute, 48 * time.Hour: time.Hour} {
		if got := transport.RetryAfter(fmt.Errorf("x: %w", &transport.Error{Class: transport.ErrUnavailable, RetryAfter: told})); got != want {
			t.Errorf("wait %v, want %v", got, want)
		}
	}
	if transport.RetryAfter(errors.New("x")) != 0 {
		t.Error("anything asks to wait")
	}
	if transport.Retryable(nil) || transport.Retryable(errors.New("x")) {
		t.Error("anything is retryable")
	}
}
