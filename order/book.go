package order

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"chartseal/config/strict"
)

// Book is the practice's recipient book: verified recipients by their key.
type Book map[string]Recipient

// BookError says everything that is wrong with a recipient book.
type BookError struct{ Problems []Problem }

// Error lists the problems, one a line.
func (e *BookError) Error() string { return (&ParseError{Problems: e.Problems}).Error() }

type bookEntry struct {
	Name    string   `yaml:"name,required"`
	Kind    Party    `yaml:"kind,required"`
	Address string   `yaml:"address"`
	Email   string   `yaml:"email"`
	Phone   string   `yaml:"phone"`
	Keys    []string `yaml:"keys"`
}

type bookFile struct{ entries map[string]bookEntry }

// UnmarshalStrict reads the whole file, which is one mapping.
func (f *bookFile) UnmarshalStrict(n *strict.Node, r *strict.Reader) {
	if n.Kind != strict.Mapping {
		r.Problem(n, "must be a list of recipients, each a line like dr-chen: {name: ..., kind: provider}")
		return
	}
	r.Decode(n, &f.entries)
}

// ParseBook reads recipients.yaml. A file that holds only comments is an empty
// book. check, which may be nil, says what is wrong with a public key that has the
// form of one, in words that follow its name. The error is a [*BookError] with every
// problem at once.
func ParseBook(name string, data []byte, check func(key string) error) (Book, error) {
	var file bookFile
	doc, problems := strict.Decode(name, data, &file)
	if doc == nil && onlyComments(problems) {
		return Book{}, nil
	}
	if doc == nil {
		return nil, &BookError{problems}
	}
	book := Book{}
	for _, key := range slices.Sorted(maps.Keys(file.entries)) {
		e := file.entries[key]
		book[key] = Recipient{Key: key, Name: e.Name, Kind: e.Kind, Address: e.Address, Email: e.Email, Phone: e.Phone, Keys: e.Keys}
		problems = append(problems, checkKeys(doc, key, e.Keys, check)...)
	}
	if len(problems) > 0 {
		return nil, &BookError{strict.Sorted(problems)}
	}
	return book, nil
}

func onlyComments(problems []Problem) bool {
	return len(problems) == 1 && (strings.Contains(problems[0].Message, "nothing but comments") || strings.Contains(problems[0].Message, "is empty"))
}

// Resolve fills in a recipient that the order names by its key. It reports false
// if the book has no such key.
func (b Book) Resolve(r Recipient) (Recipient, bool) {
	if r.Key == "" {
		return r, !r.IsZero()
	}
	found, ok := b[r.Key]
	return found, ok
}

// Parties finds the entries of a book that mean a recipient. What that hangs on is worked
// out once for each entry, for every order asks.
type Parties map[string][]string // keys of entries, by what they share with who is meant

// Parties makes it.
func (b Book) Parties() Parties {
	p := Parties{}
	for key, e := range b {
		for _, mark := range partyMarks(e) {
			p[mark] = append(p[mark], key)
		}
	}
	return p
}

// Same are the keys of the entries that mean a recipient, besides its own key: of its name or
// its e-mail address. Who is written into an order may stand in the book as well, and what a
// patient asked for name the key.
func (p Parties) Same(to Recipient) (keys []string) {
	for _, mark := range partyMarks(to) {
		keys = append(keys, p[mark]...)
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(key string) bool { return key == to.Key })
}

// partyMarks are what two recipients share of whom sameParty or sameMail says that they are
// the same.
func partyMarks(r Recipient) (marks []string) {
	name := inOrder(unaddressed(r.Name))
	if all := phrase(name); all != "" {
		marks = append(marks, "name "+all)
	}
	if bare := bareParty(name); bare != "" {
		marks = append(marks, "bare "+bare)
	}
	if mail := bareMail(r.Email); mail != "" {
		marks = append(marks, "mail "+caseless(mail))
	}
	return marks
}

// Nearest is the key that was probably meant, "" if none is near.
func (b Book) Nearest(key string) string {
	return strict.Nearest(key, slices.Sorted(maps.Keys(b)))
}

// keyClass sorts public keys by what age can mix in one file.
type keyClass int

const (
	unknownKey keyClass = iota
	classicKey          // X25519, ssh-ed25519, ssh-rsa
	hybridKey           // post-quantum: age refuses to mix it with others (age v1.3, label "postquantum")
)

func classOf(key string) keyClass {
	switch {
	case strings.HasPrefix(key, "age1pq1"):
		return hybridKey
	case strings.HasPrefix(key, "age1") && len(key) == 62 && strings.Count(key, "1") == 1,
		strings.HasPrefix(key, "ssh-ed25519 "), strings.HasPrefix(key, "ssh-rsa "):
		return classicKey
	}
	return unknownKey
}

func checkKeys(doc *strict.Document, recipient string, keys []string, check func(string) error) []Problem {
	var problems []Problem
	classes := map[keyClass]bool{}
	for i, k := range keys {
		field := fmt.Sprintf("%s.keys[%d]", recipient, i)
		class := classOf(k)
		classes[class] = true
		if class == unknownKey {
			problems = append(problems, doc.Problem(field, "'%s' %s", field, unknownKeyWords(k)))
		} else if check != nil {
			if err := check(k); err != nil {
				problems = append(problems, doc.Problem(field, "'%s' %v", field, err))
			}
		}
	}
	if classes[classicKey] && classes[hybridKey] {
		field := recipient + ".keys"
		problems = append(problems, doc.Problem(field, "'%s' mixes post-quantum keys (age1pq1...) with other keys, which age cannot seal together. Keep one kind", field))
	}
	return problems
}

func unknownKeyWords(key string) string {
	switch {
	case strings.HasPrefix(key, "sk-"):
		return "is an ssh key that lives on a security token, which can sign but not decrypt. Ask for an ssh-ed25519 key without a token, or an age key (age1...)"
	case strings.HasPrefix(key, "ecdsa-"), strings.HasPrefix(key, "ssh-dss"):
		return "is an ssh key of a kind that bundles cannot be sealed for. Ask for an ssh-ed25519 or ssh-rsa key, or an age key (age1...)"
	case strings.HasPrefix(strings.ToUpper(key), "AGE-SECRET-KEY-"), strings.Contains(key, "PRIVATE KEY"):
		return "is a SECRET key. It must never leave its owner: remove it from this file, tell the owner to make a new one, and ask for the public key (age1...)"
	case strings.HasPrefix(key, "age1") && strings.Count(key, "1") > 1:
		return "is a key for an age plug-in, which is not supported. Ask for a plain age1... key"
	case strings.HasPrefix(key, "age1"):
		return fmt.Sprintf("is not a complete age key: it has %d characters instead of 62. Copy it again", len(key))
	}
	return "is not a public key. It must begin with age1, ssh-ed25519 or ssh-rsa"
}
