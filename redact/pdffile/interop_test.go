//go:build interop

package pdffile

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chartseal/redact"
)

// tool runs a program that must succeed.
func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%.2000s", name, err, out)
	}
	return out
}

func onDiskAs(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// betrays reports in which spellings data holds a text.
func betrays(data []byte, text string) (how []string) {
	data = bytes.ToLower(data)
	for kind, s := range map[string]string{
		"plain": text, "UTF-16BE": utf16s(text, true), "UTF-16LE": utf16s(text, false),
		"hex": fmt.Sprintf("%x", text), "hex UTF-16": fmt.Sprintf("%x", utf16s(text, true)),
	} {
		if bytes.Contains(data, bytes.ToLower([]byte(s))) {
			how = append(how, kind)
		}
	}
	return how
}

// searchedByTools looks for a text with every tool a curious recipient has.
func searchedByTools(t *testing.T, file, text string) {
	t.Helper()
	if out := string(tool(t, "qpdf", "--check", file)); !strings.Contains(out, "No syntax or stream encoding errors found") {
		t.Errorf("qpdf --check: %s", out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string][]byte{
		"the file":        raw,
		"qpdf --qdf":      tool(t, "qpdf", "--qdf", "--object-streams=disable", "--decode-level=all", file, "-"),
		"qpdf --json":     tool(t, "qpdf", "--json", "--json-stream-data=none", file),
		"exiftool":        tool(t, "exiftool", "-a", "-u", "-U", "-g1", "-ee", file),
		"pdftotext":       tool(t, "pdftotext", "-layout", file, "-"),
		"pdftotext -raw":  tool(t, "pdftotext", "-raw", file, "-"),
		"pdfinfo":         tool(t, "pdfinfo", "-struct-text", file),
		"pdfinfo -js":     tool(t, "pdfinfo", "-js", file),
		"pdfinfo -dests":  tool(t, "pdfinfo", "-dests", file),
		"pdfinfo -url":    tool(t, "pdfinfo", "-url", file),
		"pdffonts":        tool(t, "pdffonts", file),
		"pdfdetach -list": tool(t, "pdfdetach", "-list", file),
		"mutool":          tool(t, "mutool", "show", file, "grep"),
	}
	for by, data := range seen {
		// exiftool and pdfinfo name the file; its folder has no patient in it.
		if how := betrays(data, text); how != nil {
			t.Errorf("%s shows it: %v", by, how)
		}
	}
	if !bytes.HasPrefix(seen["pdfdetach -list"], []byte("0 embedded files")) {
		t.Errorf("attached files: %s", seen["pdfdetach -list"])
	}
}

// rewritten are a file as other programs write it: objects in streams, linearized,
// protected without a password, with an earlier version.
func rewritten(t *testing.T, name string, in []byte) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	src := onDiskAs(t, dir, "src.pdf", in)
	all := map[string][]byte{name: in}
	for how, args := range map[string][]string{
		"object streams": {"--object-streams=generate", "--preserve-unreferenced", "--compress-streams=y"},
		"linearized":     {"--linearize", "--preserve-unreferenced"},
		"RC4":            {"--allow-weak-crypto", "--encrypt", "", "owner", "128", "--"},
		"AES-256":        {"--encrypt", "", "owner", "256", "--"},
	} {
		to := filepath.Join(dir, "to.pdf")
		out, err := exec.CommandContext(t.Context(), "qpdf", append(append(args, "--warning-exit-0"), src, to)...).CombinedOutput()
		if err != nil {
			t.Fatalf("qpdf: %v\n%s", err, out)
		}
		if all[name+", "+how], err = os.ReadFile(to); err != nil {
			t.Fatal(err)
		}
	}
	again := onDiskAs(t, dir, "again.pdf", all[name+", linearized"])
	tool(t, "exiftool", "-overwrite_original", "-Title="+secret, "-XMP-dc:Creator="+secret, "-Keywords="+secret, again)
	b, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	all[name+", exiftool"] = b
	return all
}

// TestInteropNothingLeft: no tool finds the secret in what was cleaned, whatever
// wrote the file.
func TestInteropNothingLeft(t *testing.T) {
	files := rewritten(t, "poisoned", poisoned(t))
	maps.Copy(files, rewritten(t, "planted", planted(t)))
	files["earlier version"] = withEarlierVersion(t)
	files["layers"] = layered("", manyWords)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, p := range []redact.Profile{redact.Treatment, redact.Payment} {
			if strings.Contains(name, ", ") && p == redact.Payment {
				continue // what wrote the file makes no difference to what is blacked out
			}
			t.Run(name+"/"+string(p), func(t *testing.T) {
				out, err := os.MkdirTemp("", "cleaned")
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(out)
				got, _, err := run(files[name], p)
				if err != nil {
					t.Fatal(err)
				}
				searchedByTools(t, onDiskAs(t, out, "a.pdf", got), secret)
			})
		}
	}
}

// TestInteropNumbersGone: no tool finds a number that was blacked out.
func TestInteropNumbersGone(t *testing.T) {
	for name, in := range numbersOnPages {
		t.Run(name, func(t *testing.T) {
			got, _, err := cleaned(in, nil, trimmerFor(t, false))
			if err != nil {
				t.Fatal(err)
			}
			file := onDiskAs(t, t.TempDir(), "a.pdf", got)
			searchedByTools(t, file, ssn)
			if how := betrays(tool(t, "qpdf", "--qdf", "--object-streams=disable", "--decode-level=all", file, "-"), "123456789"); how != nil {
				t.Errorf("its digits are left: %v", how)
			}
		})
	}
}

// popplerPages draws a PDF with poppler.
func popplerPages(t *testing.T, b []byte) (pages []image.Image) {
	t.Helper()
	dir := t.TempDir()
	tool(t, "pdftoppm", "-r", "60", "-png", "-cropbox", onDiskAs(t, dir, "a.pdf", b), filepath.Join(dir, "p"))
	list, err := filepath.Glob(filepath.Join(dir, "p*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(slices.Values(list)) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		im, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		pages = append(pages, im)
	}
	return pages
}

// TestInteropLooksTheSame: poppler, too, draws a cleaned page as before; what
// fields and comments show is in it.
func TestInteropLooksTheSame(t *testing.T) {
	files := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(practiceCharts(t)))[:4] {
		files[name] = practiceCharts(t)[name]
	}
	files["poisoned"], files["planted"], files["earlier version"] = poisoned(t), planted(t), withEarlierVersion(t)
	maps.Copy(files, numbersOnPages)
	for name, in := range files {
		got, _, err := clean(in, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, after := popplerPages(t, in), popplerPages(t, got)
		if len(before) != len(after) || len(after) == 0 {
			t.Errorf("%s: %d pages, of %d", name, len(after), len(before))
			continue
		}
		for i := range before {
			if n := unlike(before[i], after[i]); n > 20 { // edges of annotations are rounded
				t.Errorf("%s: %d pixels of page %d are different", name, n, i+1)
			}
		}
	}
}

func unlike(a, b image.Image) (n int) {
	if a.Bounds() != b.Bounds() {
		return a.Bounds().Dx() * a.Bounds().Dy()
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			r0, g0, b0, _ := a.At(x, y).RGBA()
			r1, g1, b1, _ := b.At(x, y).RGBA()
			for _, d := range []int{int(r0) - int(r1), int(g0) - int(g1), int(b0) - int(b1)} {
				if d > 0x2000 || -d > 0x2000 {
					n++
					break
				}
			}
		}
	}
	return n
}
