// Package control lets a command reach the daemon that works on the same state
// folder. The daemon listens on loopback and leaves its address, a token and
// its certificate in a file of the private state folder: who may read the state
// may ask, and nobody else. The connection is TLS with just that certificate, so
// that neither a program that took an old port over nor one that listens in
// learns an order or a link.
package control

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	fileName = "control.json"
	nameHere = "chartseal" // of the certificate; no host has it

	// maxBody bounds a question: a filled-in form of 16 MiB in base64, and more.
	maxBody = 24 << 20
	// maxAnswer bounds an answer in bytes.
	maxAnswer = 1 << 20
)

// ErrNobody says that no daemon listens at this state folder.
var ErrNobody = errors.New("no running chartseal can be asked")

// Failure is an answer that says no. Code is an exit code.
//
//nolint:errname // it is an answer of the daemon's
type Failure struct {
	Code int    `json:"code"`
	Text string `json:"text"`
}

func (f *Failure) Error() string { return f.Text }

// contact is what the daemon leaves in its state folder.
type contact struct {
	Address     string `json:"address"`
	Token       string `json:"token"`
	Certificate []byte `json:"certificate"` // DER
}

func file(state string) string { return filepath.Join(state, fileName) }

func readContact(state string) (c contact, err error) {
	b, err := os.ReadFile(file(state))
	if err != nil {
		return c, ErrNobody
	}
	if json.Unmarshal(b, &c) != nil {
		return c, ErrNobody // being written
	}
	return c, nil
}

// trust is TLS that accepts the daemon's own certificate and no other.
func (c contact) trust() (*tls.Config, error) {
	cert, err := x509.ParseCertificate(c.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read the daemon's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{RootCAs: pool, ServerName: nameHere, MinVersion: tls.VersionTLS13}, nil
}
