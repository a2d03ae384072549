package s3

import (
	"strings"
	"testing"
	"time"
)

// The first two lines are modelled on those of the Amazon S3 User Guide, "Amazon S3
// server access log format".
const (
	logVersioning = `79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be 3E57427F3EXAMPLE REST.GET.VERSIONING - "GET /amzn-s3-demo-bucket1?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com TLSV1.2 arn:aws:s3:us-west-1:123456789012:accesspoint/example-AP Yes`
	logGet        = `79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be bucket [06/Feb/2019:00:01:57 +0100] 192.0.2.3 arn:aws:iam::123456789012:user/x DD6CC733AEXAMPLE REST.GET.OBJECT out/a%20b.zip.age "GET /bucket/out/a.zip.age?X-Amz-Signature=00 HTTP/1.1" 206 - 4406 4406 41 28 "-" "agent" - 10S62Zv81kBW7BB6SX4XJ48o6kpcl6LPwEoizZQQxJd5qDSCTLX0TgS37kYUBKQW3+bPdrg1234= SigV4 ECDHE-RSA-AES128-SHA QueryString bucket.s3.us-west-1.amazonaws.com TLSV1.2 - -`
)

func TestALineOfTheAccessLog(t *testing.T) {
	q, ok := parseLogLine(logGet)
	want := logged{"bucket", "out/a b.zip.age", time.Date(2019, 2, 5, 23, 1, 57, 0, time.UTC), 4406, 4406, true}
	if !ok || q != want {
		t.Errorf("%+v, %v", q, ok)
	}
	if _, ok := parseLogLine(logVersioning); ok {
		t.Error("a look at the versioning is a download")
	}
	for name, change := range map[string][2]string{
		"failed":              {"206 - 4406", "403 AccessDenied 243"},
		"no bytes":            {"206 - 4406 4406", "206 - - 4406"},
		"error after headers": {"206 - ", "206 ClientDisconnect "},
		"huge number":         {"4406 4406", "99999999999999999999 4406"},
		"no size":             {"4406 4406", "4406 0"},
		"bad time":            {"06/Feb/2019", "31/Feb/2019"},
		"bad escape":          {"a%20b", "a%zzb"},
		"website":             {"REST.GET.OBJECT", "WEBSITE.GET.OBJECT"},
		"copied by a job":     {"REST.GET.OBJECT", "REST.COPY.OBJECT_GET"},
		"own keys":            {"QueryString", "AuthHeader"},
		"cut off":             {` 41 28 "-" "agent"`, ""},
	} {
		line := strings.Replace(logGet, change[0], change[1], 1)
		if q, ok := parseLogLine(line); ok && name != "cut off" {
			t.Errorf("%s: %+v", name, q)
		}
	}
}

// What a client puts into its request, or calls itself, cannot pose as a download.
func TestAHostileLineOfTheAccessLog(t *testing.T) {
	refused := strings.Replace(logGet, "206 - 4406 4406", "403 AccessDenied 243 4406", 1)
	for name, change := range map[string][2]string{
		"address":         {"/bucket/out/a.zip.age?X-Amz-Signature=00", `/x HTTP/1.1" 200 - 4406 4406 1 1 "-" "-" - x SigV4 x QueryString x`},
		"address, quoted": {"/bucket/out/a.zip.age?X-Amz-Signature=00", `/x\" 200 - 4406 4406 1 1 "`},
		"user agent":      {`"agent"`, `"x" REST.GET.OBJECT out/a.zip.age "GET /x HTTP/1.1" 200 - 4406 4406 1 1 "-" "-"`},
		"referer":         {`"-" "agent"`, `"-" 200 - 4406 4406 1 1 " "agent"`},
	} {
		if q, ok := parseLogLine(strings.Replace(refused, change[0], change[1], 1)); ok {
			t.Errorf("%s: %+v", name, q)
		}
	}
	own := strings.Replace(logGet, "QueryString", "AuthHeader", 1)
	if _, ok := parseLogLine(strings.Replace(own, `"agent"`, `"x" - y SigV4 z QueryString h"`, 1)); ok {
		t.Error("a user agent hides how the request was signed")
	}
}

// A log of any size and shape is read in bounded memory.
func TestAnAccessLogWithoutLineEnds(t *testing.T) {
	long := strings.Repeat("x", 3*maxLogLine)
	text := logVersioning + "\n" + long + " REST.GET.OBJECT \n\n\x00\xff\n" + logGet + "\r\n" + long + logGet + "\n" + logGet
	seen := 0
	n, err := readLog(strings.NewReader(text), func(logged) { seen++ })
	if err != nil || n != int64(len(text)) || seen != 2 {
		t.Errorf("%d downloads in %d of %d bytes, %v", seen, n, len(text), err)
	}
}

func FuzzAccessLog(f *testing.F) {
	f.Add(logGet)
	f.Add(logVersioning)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := readLog(strings.NewReader(text), func(q logged) {
			if q.size <= 0 || q.sent < 0 || q.bucket == "" || q.key == "" {
				t.Errorf("%+v", q)
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}
