package main

import (
	"context"
	"net/netip"
	"os"
	"strings"

	"chartseal/cmd/chartseal/control"
)

// here is how a browser on this computer reaches the board.
func (f *front) here() (string, error) {
	if f.server == nil {
		return "", &control.Failure{Code: exitUsage, Text: f.why.Error()}
	}
	listen, err := netip.ParseAddrPort(f.server.Addr())
	if err != nil {
		return "", err
	}
	near, err := hereAt(listen)
	if err != nil {
		return "", &control.Failure{Code: exitUsage, Text: err.Error()}
	}
	return near.String(), nil
}

// boardShortcut is a page that leads to the board.
type boardShortcut struct {
	Page string `json:"page"`
}

// shortcut answers the command that asks for a shortcut to the board.
func (f *front) shortcut(context.Context, []byte) (any, error) {
	near, err := f.here()
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(f.listen, ":0") {
		return nil, &control.Failure{Code: exitUsage, Text: "status.listen has the port 0, which is another one after every start: write a port of your own, such as 7421, and restart the daemon"}
	}
	computer, _ := os.Hostname() // without, the page says it in other words
	page, err := f.board.Shortcut(near, computer)
	return boardShortcut{string(page)}, err
}

// renewed says that the board has a new key.
type renewed struct {
	Renewed bool `json:"renewed"`
}

// renew answers the command that turns all browsers and shortcuts out.
func (f *front) renew(context.Context, []byte) (any, error) {
	if f.board == nil {
		return nil, &control.Failure{Code: exitUsage, Text: f.why.Error()}
	}
	return renewed{true}, f.board.Renew()
}
