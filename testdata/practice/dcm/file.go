package dcm

import (
	"bytes"
	"fmt"
	"io"
)

// Implementation is the (0002,0012) of every file written here: a UUID-derived
// UID (PS3.5 B.2).
const Implementation = "2.25.251394723148703410172348711920934117"

// File is one DICOM file.
type File struct {
	Syntax    Syntax
	Undefined bool    // sequences of undefined length, as many vendors write them
	Preamble  []byte  // up to 128 bytes; zeros if nil
	Meta      Dataset // further elements of group 0002: AE titles, private information
	Data      Dataset
}

// Write writes the file (PS3.10 section 7.1). Values of type [Stream] are
// never held in memory.
func (f *File) Write(w io.Writer) error {
	head, err := f.meta()
	if err != nil {
		return err
	}
	charset, ok := charsets[f.Data.text(SpecificCharacterSet)]
	if !ok {
		return fmt.Errorf("write file: no encoder for its character set")
	}
	enc := &encoder{implicit: f.Syntax == ImplicitLE, undefined: f.Undefined, charset: charset}
	buf := bytes.NewBuffer(head)
	for _, e := range f.Data.sorted() {
		if s, ok := e.Value.(Stream); ok {
			err = flushStream(w, buf, enc, e.Attr, s)
		} else {
			err = enc.element(buf, e)
		}
		if err != nil {
			return err
		}
	}
	_, err = w.Write(buf.Bytes())
	return err
}

// Bytes returns the whole file.
func (f *File) Bytes() ([]byte, error) {
	var buf bytes.Buffer
	if err := f.Write(&buf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func flushStream(w io.Writer, buf *bytes.Buffer, enc *encoder, a Attr, s Stream) error {
	if err := enc.header(buf, a, s.Length); err != nil {
		return err
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		return err
	}
	buf.Reset()
	return s.Write(w)
}

// meta makes preamble, prefix and file meta information, which is always
// explicit little endian.
func (f *File) meta() ([]byte, error) {
	m := Dataset{}
	m.Put(FileMetaInformationVersion, []byte{0, 1})
	m.Put(MediaStorageSOPClassUID, f.Data.text(SOPClassUID))
	m.Put(MediaStorageSOPInstanceUID, f.Data.text(SOPInstanceUID))
	m.Put(TransferSyntaxUID, string(f.Syntax))
	m.Put(ImplementationClassUID, Implementation)
	m.PutAll(f.Meta)
	enc := &encoder{}
	var group bytes.Buffer
	for _, e := range m.sorted() {
		if err := enc.element(&group, e); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	preamble := make([]byte, 128)
	copy(preamble, f.Preamble)
	out.Write(preamble)
	out.WriteString("DICM")
	if err := enc.element(&out, Element{FileMetaInformationGroupLength, uint32(group.Len())}); err != nil {
		return nil, err
	}
	out.Write(group.Bytes())
	return out.Bytes(), nil
}
