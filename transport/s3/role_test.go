package s3_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/s3"
	"chartseal/transport/storetest"
)

// With the keys of a role a link lives as long as they do, and says so.
func TestALinkByTheKeysOfARole(t *testing.T) {
	sv := startServer(t)
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	storetest.Role(t, sv.AccessKey(), sv.SecretKey().Reveal(), strings.Repeat("token/+=", 100), func() time.Time { return ends })
	cfg := sv.config()
	cfg.AccessKey, cfg.SecretKey = "", ""
	st, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := st.Link(t.Context(), "k", 7*24*time.Hour, "records.zip.age", "")
	if err != nil {
		t.Fatal(err)
	}
	if l.Limit != transport.LimitedByKeys || l.Expires.After(ends) || ends.Sub(l.Expires) > 2*time.Second {
		t.Errorf("limited by %q, until %v; the keys end %v", l.Limit, l.Expires, ends)
	}
	u, err := url.Parse(l.URL.Reveal()) // the embedded store knows no such tokens
	if err != nil {
		t.Fatal(err)
	}
	if life, err := strconv.Atoi(u.Query().Get("X-Amz-Expires")); err != nil || life < 3500 || life > 3600 || u.Query().Get("X-Amz-Security-Token") == "" {
		t.Errorf("the link lives %d s, signed with the role's token: %v", life, u.Query().Has("X-Amz-Security-Token"))
	}
	found := levels(t, st.Check(t.Context()))
	if found["credentials"] != transport.Warning {
		t.Errorf("the check finds %q", found["credentials"])
	}
}

// Keys that ended, and are not renewed, sign nothing.
func TestALinkByTheKeysOfARoleThatEnded(t *testing.T) {
	sv := startServer(t)
	storetest.Role(t, sv.AccessKey(), sv.SecretKey().Reveal(), strings.Repeat("token/+=", 100), func() time.Time { return time.Now().Add(-time.Minute) })
	cfg := sv.config()
	cfg.AccessKey, cfg.SecretKey = "", ""
	st, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Link(t.Context(), "k", time.Hour, "", ""); !errors.Is(err, transport.ErrDenied) {
		t.Errorf("signed: %v", err)
	}
}
