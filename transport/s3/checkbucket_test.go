package s3_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"chartseal/transport"
)

// planted stands before the real store and answers for settings that it does not offer:
// what stands after a question mark is answered with a status and a body.
type planted map[string]struct {
	status int
	body   string
}

func (p planted) before(to http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, a := range p {
			if _, asked := r.URL.Query()[name]; asked && r.Method == http.MethodGet {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(a.status)
				_, _ = io.WriteString(w, a.body)
				return
			}
			if name == "stranger" && r.Header.Get("Authorization") == "" && !strings.Contains(r.URL.RawQuery, "X-Amz-Signature") {
				w.WriteHeader(a.status)
				return
			}
			if name == "region" && r.Method == http.MethodHead && r.Header.Get("Authorization") != "" {
				w.Header().Set("X-Amz-Bucket-Region", a.body)
			}
		}
		to.ServeHTTP(w, r)
	})
}

// code is the body of an error.
func code(name string) string { return "<Error><Code>" + name + "</Code></Error>" }

// TestCheckFindsWhatIsWrongWithABucket plants one mistake in the bucket's settings each.
func TestCheckFindsWhatIsWrongWithABucket(t *testing.T) {
	sv := startServer(t)
	open(t, sv.config())
	to, err := url.Parse(sv.config().Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // it is signed
	}}
	const block = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>%</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
	for _, c := range []struct {
		name   string
		plant  planted
		check  string
		level  transport.Level
		advice string
	}{
		{"public access is blocked", planted{"publicAccessBlock": {200, strings.Replace(block, "%", "true", 1)}}, "public access", transport.OK, "blocked"},
		{"public access blocked in part", planted{"publicAccessBlock": {200, strings.Replace(block, "%", "false", 1)}}, "public access", transport.Warning, "Turn on all four"},
		{"public access not blocked", planted{"publicAccessBlock": {404, code("NoSuchPublicAccessBlockConfiguration")}}, "public access", transport.Warning, "Turn on all four"},
		{"a public policy", planted{"policyStatus": {200, "<PolicyStatus><IsPublic>true</IsPublic></PolicyStatus>"}}, "policy", transport.Problem, "Change it before"},
		{"versions are kept", planted{"versioning": {200, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"}}, "versioning", transport.Notice, "revoking deletes every version"},
		{"no encryption", planted{"encryption": {404, code("ServerSideEncryptionConfigurationNotFoundError")}}, "encryption", transport.Notice, "sealed before they leave"},
		{"object lock", planted{"object-lock": {200, "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>"}}, "retention", transport.Warning, "Take the default retention off the bucket"},
		{"settings that may not be seen", planted{"policyStatus": {403, code("AccessDenied")}}, "policy", transport.Notice, "may not look"},
		{"strangers get in", planted{"stranger": {200, ""}}, "strangers", transport.Problem, "Block public access"},
		{"another region", planted{"region": {200, "eu-central-1"}}, "region", transport.Warning, "Correct store.region"},
	} {
		t.Run(c.name, func(t *testing.T) {
			front := httptest.NewServer(c.plant.before(forward))
			defer front.Close()
			cfg := sv.config()
			cfg.Endpoint = front.URL
			found := false
			for _, f := range open(t, cfg).Check(t.Context()) {
				if f.Check != c.check {
					continue
				}
				found = true
				if f.Level != c.level || !strings.Contains(f.Message, c.advice) {
					t.Errorf("%s: %s, want %s: …%s…", f.Level, f.Message, c.level, c.advice)
				}
			}
			if !found {
				t.Errorf("nothing about %s", c.check)
			}
		})
	}
}
