package s3_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/s3"
)

func levels(t *testing.T, findings []transport.Finding) map[string]transport.Level {
	t.Helper()
	m := make(map[string]transport.Level)
	for _, f := range findings {
		t.Logf("%-14s %-8s %s", f.Check, f.Level, f.Message)
		if _, twice := m[f.Check]; twice {
			t.Errorf("%s is found twice", f.Check)
		}
		m[f.Check] = f.Level
	}
	return m
}

func TestCheckLocal(t *testing.T) {
	sv := startServer(t)
	st := open(t, sv.config())
	got := levels(t, st.Check(t.Context()))
	want := map[string]transport.Level{
		"address": transport.Notice, "credentials": transport.OK, "reachable": transport.OK, "clock": transport.OK,
		"write": transport.OK, "checksums": transport.OK, "overwrite": transport.OK, "parts": transport.OK,
		"link": transport.OK, "strangers": transport.OK, "delete": transport.OK,
		"public access": transport.Notice, "policy": transport.OK, "versioning": transport.OK,
		"encryption": transport.Notice, "retention": transport.OK, "cleaning": transport.Notice, s3.AccessLogCheck: transport.Notice,
	}
	for check, level := range want {
		if got[check] != level {
			t.Errorf("%s: %q, want %q", check, got[check], level)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d findings, want %d", len(got), len(want))
	}
}

func TestCheckFindsFaults(t *testing.T) {
	sv := startServer(t)
	open(t, sv.config())
	slow := func() time.Time { return time.Now().Add(-20 * time.Minute) }
	cases := []struct {
		name, check string
		level       transport.Level
		change      func(*s3.Config)
		opts        []s3.Option
	}{
		{"wrong secret", "reachable", transport.Problem, func(c *s3.Config) { c.SecretKey = "wrong" }, nil},
		{"no bucket", "reachable", transport.Problem, func(c *s3.Config) { c.Bucket = "elsewhere" }, nil},
		{"no server", "reachable", transport.Problem, func(c *s3.Config) { c.Endpoint = "http://127.0.0.1:1" }, nil},
		{"clock", "clock", transport.Problem, func(*s3.Config) {}, []s3.Option{s3.WithClock(slow)}},
		{"session token", "credentials", transport.Problem, func(c *s3.Config) { c.SessionToken = "t" }, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			cfg := sv.config()
			tc.change(&cfg)
			st, err := s3.New(t.Context(), cfg, tc.opts...)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			findings := st.Check(ctx)
			if got := levels(t, findings)[tc.check]; got != tc.level {
				t.Errorf("%s is %q, want %q", tc.check, got, tc.level)
			}
			for _, f := range findings {
				if strings.Contains(f.Message, "127.0.0.1") || strings.Contains(f.Message, cfg.Bucket) {
					t.Errorf("finding names the address or the bucket: %s", f.Message)
				}
			}
		})
	}
}
