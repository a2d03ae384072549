package alert

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"testing"
)

type mimeWords = mime.WordDecoder

// decoded is the text of a mail as its reader sees it.
func decoded(t *testing.T, m *netmail.Message) string {
	t.Helper()
	var r io.Reader
	switch m.Header.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		r = quotedprintable.NewReader(m.Body)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, m.Body)
	default:
		r = m.Body
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
