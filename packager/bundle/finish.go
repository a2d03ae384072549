package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"chartseal/packager/bundle/dicomdir"
	"chartseal/packager/bundle/zipform"
)

// Finish writes everything that is not a record, signs the manifest with sign
// (see [SignManifest]) and completes the ZIP. It returns the manifest as signed.
func (w *Writer) Finish(ctx context.Context, sign func(manifest []byte) ([]byte, error)) (Manifest, error) {
	if err := w.usable(); err != nil {
		return Manifest{}, err
	}
	err := w.finish(ctx, sign)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = w.zip.Close()
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("finish bundle: %w", err)
	}
	return w.manifest, nil
}

func (w *Writer) finish(ctx context.Context, sign func([]byte) ([]byte, error)) error {
	w.digests()
	if err := w.addIndexes(ctx); err != nil {
		return err
	}
	w.members, w.dicom, w.series = nil, nil, nil // of thousands
	m := &w.manifest
	for _, f := range []struct {
		path string
		text func(*Manifest) string
	}{
		{bagitName, func(*Manifest) string { return bagitText }},
		{bagInfoName, bagInfo},
		{payloadName, func(m *Manifest) string { return checksums(payload(m)) }},
	} {
		if err := w.addFile(ctx, f.path, []byte(f.text(m))); err != nil {
			return err
		}
	}
	signed, err := encodeManifest(m)
	if err != nil {
		return err
	}
	signature, err := sign(signed)
	if err != nil {
		return fmt.Errorf("sign manifest: %w", err)
	}
	w.signed = fileOf(manifestName, signed)
	tags := checksums(tagFiles(m, w.signed, fileOf(signatureName, signature)))
	for _, f := range []struct {
		path string
		data []byte
	}{{manifestName, signed}, {signatureName, signature}, {tagManifestName, []byte(tags)}} {
		if err := w.putFile(ctx, f.path, f.data); err != nil {
			return err
		}
	}
	return nil
}

// addIndexes writes what leads a person or a viewer to the records.
func (w *Writer) addIndexes(ctx context.Context) error {
	m := &w.manifest
	if w.unlisted > 0 {
		m.Notices = append(m.Notices, fmt.Sprintf("%d DICOM file(s) in data/DICOM are not listed in the DICOMDIR: "+
			"they are not images, or lack the identifiers an index needs. Open them one by one.", w.unlisted))
	}
	if len(w.dicom) > 0 {
		dir, err := dicomdir.Encode(w.dicom)
		if err != nil {
			return fmt.Errorf("write DICOMDIR: %w", err)
		}
		if err := w.addFile(ctx, "data/DICOMDIR", dir); err != nil {
			return err
		}
	}
	for _, s := range m.Statements {
		if err := w.addFile(ctx, s.Path, s.text()); err != nil {
			return err
		}
	}
	v := newView(m, w.dicom, w.thumbnails)
	for _, page := range pages {
		text, err := page.render(v)
		if err != nil {
			return fmt.Errorf("write %s: %w", page.path, err)
		}
		if err := w.addFile(ctx, page.path, text); err != nil {
			return err
		}
	}
	return nil
}

// text is a statement as a file of its own, with the line ends Notepad needs.
func (s Statement) text() []byte {
	return []byte(s.Title + "\r\n\r\n" + strings.Join(s.Paragraphs, "\r\n\r\n") + "\r\n")
}

// noRecords is how a manifest without records is written; no text within it holds a line end.
const noRecords = "\n  \"records\": [],\n"

// encodeManifest writes the records one by one: a series has thousands, and all of them at
// once would be in memory several times.
func encodeManifest(m *Manifest) ([]byte, error) {
	frame := *m
	frame.Records = []Member{}
	var buf bytes.Buffer
	if err := encodeJSON(&buf, &frame, ""); err != nil || len(m.Records) == 0 {
		return buf.Bytes(), err
	}
	head, tail, ok := strings.Cut(buf.String(), noRecords)
	if !ok {
		return nil, errors.New("write manifest: it has no place for records")
	}
	buf.Reset()
	buf.WriteString(head + "\n  \"records\": [")
	for i := range m.Records {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.WriteString("\n    ")
		if err := encodeJSON(&buf, &m.Records[i], "    "); err != nil {
			return nil, err
		}
		buf.Truncate(buf.Len() - 1) // the line end
		if buf.Len() > maxManifest {
			break
		}
	}
	buf.WriteString("\n  ],\n" + tail)
	if buf.Len() > maxManifest { // nobody would read it
		return nil, ErrTooMany
	}
	return buf.Bytes(), nil
}

func encodeJSON(buf *bytes.Buffer, v any, prefix string) error {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}

func fileOf(path string, data []byte) File {
	sum := sha256.Sum256(data)
	return File{Path: path, Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

// addFile writes a file that the manifest lists.
func (w *Writer) addFile(ctx context.Context, path string, data []byte) error {
	w.manifest.Files = append(w.manifest.Files, fileOf(path, data))
	return w.putFile(ctx, path, data)
}

func (w *Writer) putFile(ctx context.Context, path string, data []byte) error {
	to := &member{name: path, size: int64(len(data)), crc: crc32.ChecksumIEEE(data)}
	if w.opts.Compress && len(data) > 0 {
		to.method = zipform.Deflate
	}
	for first := true; first || len(data) > 0; first = false {
		b, err := w.pipe.take(ctx)
		if err != nil {
			return err
		}
		n := min(len(data), blockSize)
		b.data = append(b.data, data[:n]...)
		data = data[n:]
		b.to, b.first, b.last = to, first, len(data) == 0
		w.pipe.put(b)
	}
	return nil
}
