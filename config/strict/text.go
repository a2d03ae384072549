package strict

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeText turns the bytes of a file into text. It takes UTF-8 with and without
// a byte order mark, and UTF-16 with one: Notepad calls that "Unicode" and
// PowerShell's > operator writes it.
func decodeText(data []byte) (string, *Problem) {
	if len(data) > MaxBytes {
		return "", &Problem{Message: fmt.Sprintf("The file has %d bytes; at most %d can be read. It is probably not the file you meant.", len(data), MaxBytes)}
	}
	text, problem := decodeUnicode(data)
	if problem != nil {
		return "", problem
	}
	if len(text) > MaxBytes {
		return "", &Problem{Message: fmt.Sprintf("The file's text has %d bytes; at most %d can be read.", len(text), MaxBytes)}
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return "", &Problem{Line: lineAt(text, i), Message: "The file holds a zero byte: it is not a text file. Save it as plain text, encoding UTF-8."}
	}
	if strings.TrimSpace(text) == "" {
		return "", &Problem{Message: "The file is empty."}
	}
	return text, nil
}

func decodeUnicode(data []byte) (string, *Problem) {
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		data = data[3:]
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(data, []byte{0, 0, 0xFE, 0xFF}):
		return "", &Problem{Message: "The file is saved as UTF-32. Save it again with the encoding UTF-8."}
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return decodeUTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return decodeUTF16(data[2:], binary.BigEndian)
	}
	if !utf8.Valid(data) {
		return "", invalidUTF8(data)
	}
	return string(data), nil
}

func decodeUTF16(data []byte, order binary.ByteOrder) (string, *Problem) {
	if len(data)%2 != 0 {
		return "", &Problem{Message: "The file is saved as UTF-16 and ends in the middle of a character. Save it again with the encoding UTF-8."}
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	runes := utf16.Decode(units)
	for i, r := range runes {
		if r == utf8.RuneError {
			return "", &Problem{Line: 1 + strings.Count(string(runes[:i]), "\n"), Message: "The file is saved as UTF-16 and holds a broken character. Save it again with the encoding UTF-8."}
		}
	}
	return string(runes), nil
}

func invalidUTF8(data []byte) *Problem {
	i := 0
	for i < len(data) {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		i += size
	}
	return &Problem{
		Line:    1 + bytes.Count(data[:i], []byte("\n")),
		Message: fmt.Sprintf("A character here is not UTF-8 (byte 0x%02X): an accented letter saved in an old encoding, or not a text file. Save the file again with the encoding UTF-8.", data[i]),
	}
}

func lineAt(text string, offset int) int {
	return 1 + strings.Count(text[:min(offset, len(text))], "\n")
}
