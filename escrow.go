package chartseal

import (
	"errors"
	"strings"

	"chartseal/config"
	"chartseal/packager/seal"
	"chartseal/transport"
)

// withEscrow adds the practice's escrow key to those that open a bundle, where age
// allows it. note says in the bundle that it opens with it, missing on the receipt why
// it does not; both are empty without such a key.
func withEscrow(cfg *config.Config, keys seal.Recipients) (all seal.Recipients, note, missing string) {
	if cfg.Bundle.Escrow == "" {
		return keys, "", ""
	}
	all, err := keys.With(cfg.Bundle.Escrow)
	switch {
	case err == nil:
		return all, "The practice can open this bundle, too, with a key that it keeps for that (key " + all.Fingerprint(cfg.Bundle.Escrow) + ").", ""
	case errors.Is(err, seal.ErrPassphraseAlone):
		missing = "This bundle opens with a passphrase, and age lets nothing else open it beside that"
	case errors.Is(err, seal.ErrMixedKeys):
		missing = "The recipient's keys and the escrow key are of kinds that age does not combine in one bundle (post-quantum keys with others)"
	default:
		missing = "The escrow key cannot be used"
	}
	return keys, "", missing + ": the practice's escrow key does not open it."
}

// examineEscrow tells for whom the escrow key works, and for whom not.
func examineEscrow(cfg *config.Config, add transport.AddFinding) {
	key := cfg.Bundle.Escrow
	if key == "" {
		return
	}
	if err := seal.CheckKey(key); err != nil {
		add("escrow", transport.Problem, "The escrow key (bundle.escrow) %v.", err)
		return
	}
	var without []string
	if book, err := loadBook(cfg); err == nil {
		for _, name := range sortedKeys(book.book) {
			if len(book.book[name].Keys) == 0 {
				continue // a passphrase
			}
			if keys, err := seal.ParseRecipients(book.book[name].Keys); err == nil {
				if _, note, _ := withEscrow(cfg, keys); note == "" {
					without = append(without, name)
				}
			}
		}
	}
	add("escrow", transport.OK, "Bundles for recipients with keys open with the practice's escrow key, too. Those with a passphrase do not: age lets nothing else open them.")
	if len(without) > 0 {
		add("escrow", transport.Warning, "Bundles for %s do not open with the escrow key: age does not combine post-quantum keys with others.", strings.Join(without, ", "))
	}
}
