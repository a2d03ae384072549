package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"chartseal/transport"
	"chartseal/transport/s3"
)

// role answers as the security token service does, with keys of the embedded store that
// end at a certain time. Source: AWS STS API Reference, AssumeRoleWithWebIdentity.
func role(t *testing.T, sv *server, ends func() time.Time) {
	t.Helper()
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "AssumeRoleWithWebIdentity" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
			sv.AccessKey(), sv.SecretKey().Reveal(), strings.Repeat("token/+=", 100), ends().UTC().Format(time.RFC3339))
	}))
	t.Cleanup(sts.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("eyJ"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/practice", "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ENDPOINT_URL_STS": sts.URL,
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"), "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// With the keys of a role a link lives as long as they do, and says so.
func TestALinkByTheKeysOfARole(t *testing.T) {
	sv := startServer(t)
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	role(t, sv, func() time.Time { return ends })
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
	role(t, sv, func() time.Time { return time.Now().Add(-time.Minute) })
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
