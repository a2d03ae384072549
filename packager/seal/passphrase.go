package seal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"filippo.io/age"
	"github.com/sethvargo/go-diceware/diceware"
	"golang.org/x/text/unicode/norm"
)

// passphraseWords is the length of a generated passphrase. Six of the 7,772
// words used make 6 × log2(7772) = 77.5 bits.
const passphraseWords = 6

// longestWord bounds the words of the list, in letters.
const longestWord = 9

// workFactor is the logarithm of the scrypt cost. A generated passphrase has
// 77 bits, so guessing is out of reach at any cost; 15 takes 32 MiB, which a
// phone's browser and the daemon's 64 MiB both allow, where age's default of
// 18 takes 256 MiB.
const workFactor = 15

// maxWorkFactor is the highest cost accepted when opening: what stock age
// uses (18, 256 MiB). More is an attack on the reader's memory.
const maxWorkFactor = 18

// ErrWeakPassphrase is returned by [WithPassphrase] for anything that
// [NewPassphrase] does not make: the low work factor is safe only with it.
var ErrWeakPassphrase = errors.New("the passphrase was not generated: only generated passphrases are strong enough")

// NewPassphrase draws six words of the EFF large word list (eff.org/dice),
// joined by hyphens: "crop-unlit-mossy-dingo-relax-salute". The four words of
// the list that hold a hyphen themselves are left out, so that a person can
// count to six.
func NewPassphrase(rand io.Reader) (string, error) {
	gen, err := diceware.NewGenerator(&diceware.GeneratorInput{RandReader: rand})
	if err != nil {
		return "", fmt.Errorf("draw words: %w", err)
	}
	for {
		words, err := gen.Generate(passphraseWords)
		if err != nil {
			return "", fmt.Errorf("draw words: %w", err)
		}
		p := strings.Join(words, "-")
		if strings.Count(p, "-") == passphraseWords-1 {
			return p, nil
		}
	}
}

// NormalizePassphrase forgives how people type: capitals, spaces, commas,
// dashes of any sort and full-width letters all lead to the canonical form,
// lower-case words joined by single hyphens. Where those are not six of the list, but
// all the letters in a row are, these count: spaces were left out or set within a word,
// or the words typed with their numbers. The recipient page does the same.
func NormalizePassphrase(s string) string {
	s = strings.ToLower(norm.NFKC.String(s))
	s = strings.ReplaceAll(s, "\u00ad", "") // soft hyphen
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	unknown := func(w string) bool { return !wordSet()[w] }
	if len(words) != passphraseWords || slices.ContainsFunc(words, unknown) {
		if six := splitWords(onlyLetters(words)); len(six) == passphraseWords {
			words = six
		}
	}
	return strings.Join(words, "-")
}

func onlyLetters(words []string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, strings.Join(words, ""))
}

// splitWords cuts letters without spaces between them into words of the list; nil if
// they are none. There is one way at most, as no word of it begins another one.
func splitWords(letters string) (words []string) {
	for letters != "" {
		n := 1
		for !wordSet()[letters[:n]] {
			if n++; n > min(longestWord, len(letters)) {
				return nil
			}
		}
		words, letters = append(words, letters[:n]), letters[n:]
	}
	return words
}

// WithPassphrase seals with a passphrase from [NewPassphrase] (typed freely,
// see [NormalizePassphrase]). Anything else is [ErrWeakPassphrase].
func WithPassphrase(passphrase string) (Recipients, error) {
	p := NormalizePassphrase(passphrase)
	if !generated(p) {
		return Recipients{}, ErrWeakPassphrase
	}
	rec, err := scryptRecipient(p)
	if err != nil {
		return Recipients{}, err
	}
	return Recipients{list: []age.Recipient{rec}, unlock: UnlockPassphrase, passphrase: p}, nil
}

func scryptRecipient(passphrase string) (*age.ScryptRecipient, error) {
	rec, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("take passphrase: %w", err)
	}
	rec.SetWorkFactor(workFactor)
	return rec, nil
}

// Misspelt says in words what keeps p from being six words of the list; "" if nothing
// does. Other programs' passphrases are of another kind.
func Misspelt(p string) string {
	words := strings.FieldsFunc(NormalizePassphrase(p), func(r rune) bool { return r == '-' })
	var wrong []string
	for i, w := range words {
		if !wordSet()[w] {
			wrong = append(wrong, strconv.Itoa(i+1))
		}
	}
	switch {
	case len(words) != passphraseWords:
		return fmt.Sprintf("that was %d of %d words", len(words), passphraseWords)
	case len(wrong) == 1:
		return "word " + wrong[0] + " is not on the list that the words are taken from: compare it with the letter"
	case len(wrong) > 1:
		return "words " + strings.Join(wrong, ", ") + " are not on the list that the words are taken from: compare them with the letter"
	}
	return ""
}

// generated reports whether p is one that NewPassphrase could have made.
func generated(p string) bool {
	words := strings.Split(p, "-")
	distinct := map[string]bool{}
	for _, w := range words {
		if !wordSet()[w] {
			return false
		}
		distinct[w] = true
	}
	return len(words) == passphraseWords && len(distinct) == passphraseWords
}

// wordSet holds the word list. Keys of the library's list are five throws of a
// die, 11111 to 66666.
var wordSet = sync.OnceValue(func() map[string]bool {
	list := diceware.WordListEffLarge()
	set := make(map[string]bool, 7776)
	for i := 11111; i <= 66666; i++ {
		if w := list.WordAt(i); w != "" && !strings.Contains(w, "-") {
			set[w] = true
		}
	}
	return set
})
