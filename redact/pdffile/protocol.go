package pdffile

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"chartseal/redact"
)

// The pipes between parent and child carry, each way, one frame and then the
// bytes of a file: a four-byte big-endian length and that much JSON.

// request is the frame to the child; Size bytes of the source follow.
type request struct {
	Task     task           `json:"task,omitempty"`
	Size     int64          `json:"size"`
	Profile  redact.Profile `json:"profile,omitempty"`
	Reviewed bool           `json:"reviewed,omitempty"`
	Pages    []Range        `json:"pages,omitempty"`
}

// maxRanges bounds the ranges of pages in a request.
const maxRanges = 1000

// valid reports whether the ranges of pages are some.
func (r *request) valid() bool {
	return len(r.Pages) <= maxRanges && !slices.ContainsFunc(r.Pages, func(p Range) bool {
		return p.From < 1 || p.To != 0 && p.To < p.From
	})
}

// task is what the child is asked for.
type task string

// The tasks: a cleaned file, a file of pictures of its pages, or what is filled
// in on a form (as JSON).
const (
	cleanFile task = ""
	drawFile  task = "draw"
	readForm  task = "form"
)

// reply is the frame from the child; Size bytes of the output follow unless
// the file was refused.
type reply struct {
	Class  redact.Class  `json:"class,omitempty"`
	Reason string        `json:"reason,omitempty"`
	Draw   bool          `json:"draw,omitempty"` // refused, but drawing the file may help
	Size   int64         `json:"size"`
	Report redact.Report `json:"report"`
	// Claims are patient data; the pipe is the only place they are written to.
	Claims []redact.Claim `json:"claims,omitempty"`
}

// maxFrame bounds a frame: a report names some thirty rules, and claims take at
// most 200 bytes each.
const maxFrame = 512 << 10

var errFrame = errors.New("exchange with the PDF worker: broken frame")

func encodeFrame(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	if len(b) > maxFrame {
		return nil, errFrame
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...), nil // at most maxFrame
}

func readFrame(r io.Reader, v any) error {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return fmt.Errorf("read frame: %w", err)
	}
	size := binary.BigEndian.Uint32(n[:])
	if size > maxFrame {
		return errFrame
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return fmt.Errorf("read frame: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return errFrame
	}
	return nil
}
