package order

import (
	"errors"
	"strings"
	"testing"
)

func TestParseBook(t *testing.T) {
	x := "age1" + strings.Repeat("q", 58)
	b, err := ParseBook("recipients.yaml", []byte(`# the practice's recipients
dr-chen: {name: "Dr. Chen Endodontics", kind: provider, address: "12 Elm Street", email: "x@y.example", keys: [`+x+`, "ssh-ed25519 AAAA c"]}
county: {name: County Office, kind: agency}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := b.Resolve(Recipient{Key: "dr-chen"})
	if !ok || r.Name != "Dr. Chen Endodontics" || len(r.Keys) != 2 || r.Kind != "provider" {
		t.Errorf("resolved as %+v, %v", r, ok)
	}
	if _, ok := b.Resolve(Recipient{Key: "dr-cheng"}); ok || b.Nearest("dr-cheng") != "dr-chen" {
		t.Error("an unknown key is resolved, or not suggested")
	}
	if r, ok := b.Resolve(Recipient{Name: "Ann", Kind: "patient"}); !ok || r.Name != "Ann" {
		t.Error("a recipient in the order is not resolved")
	}
	for _, empty := range []string{"", "# nobody yet\n"} {
		if b, err := ParseBook("recipients.yaml", []byte(empty), nil); err != nil || len(b) != 0 {
			t.Errorf("%q: %v, %v", empty, b, err)
		}
	}
}

func TestParseBookProblems(t *testing.T) {
	x, pq := "age1"+strings.Repeat("q", 58), "age1pq1"+strings.Repeat("q", 1900)
	_, err := ParseBook("recipients.yaml", []byte(`a: {name: A, kind: provider, keys: [AGE-SECRET-KEY-1QQ]}
b: {name: B, kind: provdier, keys: [age1qqq]}
c: {name: C, kind: lab, keys: [`+x+`, `+pq+`]}
d: {kind: lab, keys: [age1yubikey1qqq, "-----BEGIN PGP"]}
e: {name: E, kind: lab, keys: ["sk-ssh-ed25519@openssh.com AAAA", "ecdsa-sha2-nistp256 AAAA", "ssh-rsa AAAA c"]}
`), func(key string) error {
		if strings.HasPrefix(key, "ssh-rsa") {
			return errors.New("is too weak")
		}
		return nil
	})
	want := strings.TrimSpace(`
Line 1: 'a.keys[0]' is a SECRET key. It must never leave its owner: remove it from this file, tell the owner to make a new one, and ask for the public key (age1...)
Line 2: 'b.kind' is "provdier", which is not known; did you mean 'provider'?
Line 2: 'b.keys[0]' is not a complete age key: it has 7 characters instead of 62. Copy it again
Line 3: 'c.keys' mixes post-quantum keys (age1pq1...) with other keys, which age cannot seal together. Keep one kind
Line 4: 'd.name' is missing
Line 4: 'd.keys[0]' is a key for an age plug-in, which is not supported. Ask for a plain age1... key
Line 4: 'd.keys[1]' is not a public key. It must begin with age1, ssh-ed25519 or ssh-rsa
Line 5: 'e.keys[0]' is an ssh key that lives on a security token, which can sign but not decrypt. Ask for an ssh-ed25519 key without a token, or an age key (age1...)
Line 5: 'e.keys[1]' is an ssh key of a kind that bundles cannot be sealed for. Ask for an ssh-ed25519 or ssh-rsa key, or an age key (age1...)
Line 5: 'e.keys[2]' is too weak`)
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestParseRestrictions(t *testing.T) {
	r, err := ParseRestrictions("restrictions.yaml", []byte(`"10432": {not_to: [acme-plan], contact_only: {email: m@x.example}, withdrawn: [{to: dr-chen, on: 2026-11-01}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.of(" 10432 "); got.NotTo[0] != "acme-plan" || got.Withdrawn[0].On != on(2026, 11, 1) || len(r.of("0010432").NotTo) != 0 {
		t.Errorf("read as %+v", got)
	}
	if _, err := ParseRestrictions("restrictions.yaml", []byte("10432: {withdrawn: [{to: x}]}\n")); err == nil ||
		err.Error() != "Line 1: '10432.withdrawn[0].on' is missing" {
		t.Errorf("error %v", err)
	}
}

// What a law enforcement official stated in writing has an end; by word of mouth it may
// have none (45 CFR 164.528(a)(2)).
func TestSuspendedAccountings(t *testing.T) {
	r, err := ParseRestrictions("restrictions.yaml", []byte(`"10432":
  accounting: {suspended: [{for: Albany Police, from: 2026-10-01, until: 2026-12-31}, {for: agency, from: 2026-10-05, oral: true}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := r.Suspended("10432")
	if len(all) != 2 || all[0].Until != on(2026, 12, 31) || all[0].Oral || !all[1].Oral || !all[1].Until.IsZero() || len(r.Suspended("99")) != 0 {
		t.Errorf("%+v", all)
	}
	if !all[0].Means(Recipient{Name: "Albany Police Department"}) || all[0].Means(Recipient{Name: "Dr. Chen"}) || !all[1].Means(Recipient{Name: "X", Kind: "agency"}) {
		t.Error("the statements mean somebody else")
	}
	for text, want := range map[string]string{
		"{for: x, from: 2026-10-01}":                    "needs until",
		"{for: x, from: 2026-10-01, until: 2026-09-01}": "ends before it begins",
		"{from: 2026-10-01, oral: true}":                "for' is missing",
		"{for: x, oral: true}":                          "from' is missing",
	} {
		if _, err := ParseRestrictions("restrictions.yaml", []byte("\"1\": {accounting: {suspended: ["+text+"]}}\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
