package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Ask puts a question to the daemon on a state folder and reads its answer into
// out. The error is ErrNobody when none can be reached, or the daemon's
// [*Failure].
func Ask(ctx context.Context, state, path string, question, out any) error {
	c, err := readContact(state)
	if err != nil {
		return err
	}
	trust, err := c.trust()
	if err != nil {
		return err
	}
	b, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode question: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.Address+"/"+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	transport := &http.Transport{TLSClientConfig: trust} // without a proxy
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return ErrNobody
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	return read(res, out)
}

func read(res *http.Response, out any) error {
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	switch res.StatusCode {
	case http.StatusOK:
		err = json.Unmarshal(b, out)
	case http.StatusConflict:
		var no Failure
		if err = json.Unmarshal(b, &no); err == nil {
			return &no
		}
	default:
		err = errors.New(res.Status)
	}
	if err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	return nil
}
