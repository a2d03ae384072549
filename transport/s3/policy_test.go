package s3

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// actions are what a key must be allowed for a call of the API (S3 User Guide, "Required
// permissions for Amazon S3 API operations").
var actions = map[string][]string{
	"HeadBucket":                      {"s3:ListBucket"},
	"ListObjectsV2":                   {"s3:ListBucket"},
	"ListObjectVersions":              {"s3:ListBucketVersions"},
	"ListMultipartUploads":            {"s3:ListBucketMultipartUploads"},
	"ListParts":                       {"s3:ListMultipartUploadParts"},
	"HeadObject":                      {"s3:GetObject"},
	"GetObject":                       {"s3:GetObject", "s3:GetObjectVersion"},   // a hidden head is asked for by its version
	"PutObject":                       {"s3:PutObject", "s3:PutObjectRetention"}, // the latter for the locked heads
	"CreateMultipartUpload":           {"s3:PutObject"},
	"UploadPart":                      {"s3:PutObject"},
	"CompleteMultipartUpload":         {"s3:PutObject"},
	"AbortMultipartUpload":            {"s3:AbortMultipartUpload"},
	"DeleteObject":                    {"s3:DeleteObject", "s3:DeleteObjectVersion"},
	"GetObjectRetention":              {"s3:GetObjectRetention"},
	"GetObjectLegalHold":              {"s3:GetObjectLegalHold"},
	"GetBucketLifecycleConfiguration": {"s3:GetLifecycleConfiguration"},
	"PutBucketLifecycleConfiguration": {"s3:PutLifecycleConfiguration"},
	"GetPublicAccessBlock":            {"s3:GetBucketPublicAccessBlock"},
	"GetBucketPolicyStatus":           {"s3:GetBucketPolicyStatus"},
	"GetBucketVersioning":             {"s3:GetBucketVersioning"},
	"GetBucketEncryption":             {"s3:GetEncryptionConfiguration"},
	"GetObjectLockConfiguration":      {"s3:GetBucketObjectLockConfiguration"},
	"GetBucketLogging":                {"s3:GetBucketLogging"},
	"CreateBucket":                    nil, // for the embedded store only
}

// TestPolicy: the policy for AWS in docs/stores.md allows the calls that this package
// makes, and no others.
func TestPolicy(t *testing.T) {
	t.Parallel()
	want := map[string]bool{"kms:GenerateDataKey": true, "kms:Decrypt": true} // S3's own, with sse: aws:kms
	for _, call := range calls(t) {
		need, known := actions[call]
		if !known {
			t.Errorf("nobody knows what a key needs for %s: add it here and to docs/stores.md", call)
		}
		for _, a := range need {
			want[a] = true
		}
	}
	allowed := map[string]bool{}
	for _, a := range documented(t) {
		if !want[a] {
			t.Errorf("docs/stores.md allows %s, which nothing here needs", a)
		}
		allowed[a] = true
	}
	for a := range want {
		if !allowed[a] {
			t.Errorf("docs/stores.md does not allow %s", a)
		}
	}
}

// calls are the operations of the API that the code names by their input.
func calls(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	input := regexp.MustCompile(`s3\.(\w+)Input\b`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range input.FindAllSubmatch(b, -1) {
			if !slices.Contains(names, string(m[1])) {
				names = append(names, string(m[1]))
			}
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d calls found: %v", len(names), names)
	}
	return names
}

// documented are the actions that the policy for the user allows. All JSON on the page
// must be JSON.
func documented(t *testing.T) (allowed []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "stores.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(b, -1) {
		var policy struct {
			Statement []struct {
				Effect, Sid string
				Action      json.RawMessage
			}
		}
		if err := json.Unmarshal(block[1], &policy); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		for _, s := range policy.Statement {
			var list []string
			if json.Unmarshal(s.Action, &list) != nil {
				list = make([]string, 1)
				if err := json.Unmarshal(s.Action, &list[0]); err != nil {
					t.Error(err)
				}
			}
			if s.Effect == "Allow" {
				allowed = append(allowed, list...)
			}
		}
	}
	return allowed
}
