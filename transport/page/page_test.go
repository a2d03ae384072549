package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A key made for these tests; its private half is gone.
const testKey = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

const hostile = `</script><script>alert(1)</script><!-- "'&<b>{{data}} ` + "\u2028 Ångström"

func sample() Data {
	return Data{
		Practice: Practice{
			Name: "Lakeside Dental", Address: "1 Main Street, Albany NY",
			Contact: Contact{Name: "Privacy Officer", Phone: "+1 518 555 0100", Email: "privacy@lakeside.example"},
		},
		Reference: "k3v9q2m7x4ba", Bytes: 123456789, Expires: time.Date(2026, 11, 25, 16, 0, 0, 0, time.UTC),
		Unlock: UnlockPassphrase, SignerKey: testKey, FileName: "k3v9q2m7x4ba.zip.age",
		BundleURL: "https://bucket.s3.us-east-1.amazonaws.com/ab/cd.zip.age?X-Amz-Signature=feed&X-Amz-Expires=60",
	}
}

func render(t *testing.T, d Data) string {
	t.Helper()
	out, err := Render(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var dataElement = regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`)

func TestRenderCarriesData(t *testing.T) {
	page := render(t, sample())
	var got map[string]any
	if err := json.Unmarshal([]byte(dataElement.FindStringSubmatch(page)[1]), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"practice": "Lakeside Dental", "reference": "k3v9q2m7x4ba", "bytes": 123456789.0,
		"expires": "2026-11-25T16:00:00Z", "unlock": "passphrase", "signer": testKey, "url": sample().BundleURL,
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s = %v, want %v", key, got[key], value)
		}
	}
}

func TestRenderEscapes(t *testing.T) {
	d := sample()
	d.Practice = Practice{Name: hostile, Address: hostile, Contact: Contact{Name: hostile, Phone: hostile, Email: hostile}}
	d.Reference, d.FileName = hostile, hostile
	page := render(t, d)
	if strings.Contains(page, "alert(1)</script>") || strings.Contains(page, "<b>{{") {
		t.Error("a value ended its element")
	}
	if n, plain := strings.Count(page, "<script"), strings.Count(render(t, sample()), "<script"); n != plain {
		t.Errorf("%d script elements, want %d", n, plain)
	}
	var got struct {
		Practice string `json:"practice"`
	}
	if err := json.Unmarshal([]byte(dataElement.FindStringSubmatch(page)[1]), &got); err != nil || got.Practice != hostile {
		t.Errorf("value did not survive: %q, %v", got.Practice, err)
	}
}

func policy(t *testing.T, page string) map[string]string {
	t.Helper()
	m := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal("no policy")
	}
	got := map[string]string{}
	for part := range strings.SplitSeq(html.UnescapeString(m[1]), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		got[name] = value
	}
	return got
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func TestPolicyHashesMatch(t *testing.T) {
	page := render(t, sample())
	csp := policy(t, page)
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(page)[1]
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)[1]
	if csp["script-src"] != hashOf(script) {
		t.Errorf("script-src %s, want %s", csp["script-src"], hashOf(script))
	}
	if csp["style-src"] != hashOf(style) {
		t.Errorf("style-src %s, want %s", csp["style-src"], hashOf(style))
	}
	for name, want := range map[string]string{"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "worker-src": "blob:"} {
		if csp[name] != want {
			t.Errorf("%s %q, want %q", name, csp[name], want)
		}
	}
}

func TestPolicyConnectsToBundleOnly(t *testing.T) {
	tests := []struct{ name, url, want string }{
		{"none", "", "'none'"},
		{"virtual host", "https://b.s3.amazonaws.com/a/b.age?X-Amz-Signature=1", "https://b.s3.amazonaws.com/a/b.age"},
		{"path style", "https://s3.example:9000/b/a/b.age?x=1", "https://s3.example:9000/b/a/b.age"},
		{"loopback", "http://127.0.0.1:4443/b/k.age?x=1", "http://127.0.0.1:4443/b/k.age"},
		{"address", "http://192.168.1.7:9000/b/k.age?x=1", "'self'"},
		{"address 6", "http://[::1]:9000/b/k.age?x=1", "'self'"},
		{"separators", "https://s3.example/b/a;b,c'd.age", "https://s3.example/b/a%3Bb%2Cc%27d.age"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := sample()
			d.BundleURL = tt.url
			if got := policy(t, render(t, d))["connect-src"]; got != tt.want {
				t.Errorf("connect-src %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := map[string]func(*Data){
		"no practice": func(d *Data) { d.Practice.Name = " " }, "no reference": func(d *Data) { d.Reference = "" },
		"negative size": func(d *Data) { d.Bytes = -1 }, "unlock": func(d *Data) { d.Unlock = "pin" },
		"no key": func(d *Data) { d.SignerKey = "" }, "short key": func(d *Data) { d.SignerKey = "RWQf" },
		"relative URL": func(d *Data) { d.BundleURL = "/secret-path" }, "scheme": func(d *Data) { d.BundleURL = "javascript:secret" },
		"user in URL": func(d *Data) { d.BundleURL = "https://secret:secret@h/x" }, "bad URL": func(d *Data) { d.BundleURL = "https://h/%zzsecret" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			d := sample()
			change(&d)
			_, err := Render(d)
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("error %v, want ErrInvalid", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error tells the value: %v", err)
			}
		})
	}
}

func TestPageIsSelfContained(t *testing.T) {
	d := sample()
	d.BundleURL = ""
	page := render(t, d)
	if i := strings.Index(page, "{{"); i >= 0 && strings.Contains(page[i:min(len(page), i+20)], "}}") {
		t.Errorf("placeholder left: %.40q", page[i:])
	}
	// What the licences and the SVG name space say is text, not a request.
	notices := page[strings.LastIndex(page, "<!--"):]
	page = strings.Replace(page, notices, "", 1)
	page = regexp.MustCompile(`http://www\.w3\.org/2000/svg`).ReplaceAllString(page, "")
	if m := regexp.MustCompile(`(?i:(https?:)?//[a-z0-9-]+\.[a-z]{2,}|@import|\s(src|srcset)\s*=\s*["'][^"'])|\burl\(`).FindString(page); m != "" {
		t.Errorf("refers to something outside: %q", m)
	}
}

func TestPageSize(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(render(t, sample()))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const limit = 100 << 10
	if packed.Len() > limit {
		t.Errorf("%d bytes compressed, limit %d", packed.Len(), limit)
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Lakeside", "ref", "name.age")
	f.Add(hostile, hostile, hostile)
	f.Add("\xff\xfe", "</SCRIPT", "]]>")
	f.Fuzz(func(t *testing.T, name, reference, file string) {
		d := sample()
		d.Practice.Name, d.Reference, d.FileName = name, reference, file
		out, err := Render(d)
		if err != nil {
			return
		}
		lower := strings.ToLower(string(out))
		if strings.Count(lower, "<script") != strings.Count(strings.ToLower(template), "<script") {
			t.Error("a value opened a script")
		}
		if !json.Valid([]byte(dataElement.FindStringSubmatch(string(out))[1])) {
			t.Error("data element is not JSON")
		}
	})
}

func TestBundleURLIsFoundInARenderedPage(t *testing.T) {
	d := sample()
	html, err := Render(d)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Read(html); err != nil || got.URL != d.BundleURL || got.Signer != d.SignerKey {
		t.Fatalf("%v", err)
	}
	for _, no := range []string{"", "<html></html>", string(dataStart), string(dataStart) + `{"url":""}` + string(dataEnd)} {
		if _, err := Read([]byte(no)); err == nil {
			t.Errorf("found a link in %q", no)
		}
	}
}

// A page says how its sealed file begins, if that is known, and who reads the page gets it.
func TestTheHeadOfTheSealedFile(t *testing.T) {
	d := sample()
	if strings.Contains(dataElement.FindStringSubmatch(render(t, d))[1], `"head"`) {
		t.Error("a head that is not known is told")
	}
	file := bytes.Repeat([]byte("age"), MaxHead)
	d.Head = HeadOf(file)
	p, err := Read([]byte(render(t, d)))
	if err != nil || p.Head != d.Head || p.Head.Bytes != MaxHead || p.Reference != d.Reference {
		t.Fatalf("%+v, %v", p, err)
	}
	bad := bytes.Clone(file)
	bad[MaxHead-1] ^= 1
	if p.Head.Differs(file) || !p.Head.Differs(bad) || p.Head.Differs(bad[:MaxHead-1]) || (Head{}).Differs(bad) {
		t.Error("what differs is not found, or what does not is")
	}
}
