// Package pdfium reads and draws PDF pages with pdfium (the engine of Chromium),
// compiled to WebAssembly and run by wazero: no cgo, no file of this machine
// within reach, and a bound on memory. It is meant for a child process that
// gives up its rights once the engine is up.
package pdfium

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
)

const (
	// Memory is what a process should leave to the engine, in bytes. A page of
	// letter size takes some 50 MiB; memory that grows is copied, so that it is
	// there twice for a moment.
	Memory = 640 << 20
	// maxMemory is the most that the engine could ask for, in pages of 64 KiB: its
	// module says so and is not taken with less. The real bound is the process's.
	maxMemory = 32768

	instanceTime = 20 * time.Second
)

// ErrEngine is a failure of the engine on a document: it is damaged, or asks for
// more than there is. The engine must not be used any more after it.
var ErrEngine = errors.New("pdfium failed")

// Engine is one running pdfium. It works on one document at a time and is not
// safe for concurrent use.
type Engine struct {
	pool pdfium.Pool
	lib  pdfium.Pdfium
}

// Start compiles the engine, which takes seconds, or takes it from cache, a folder
// of a former start, which takes a tenth of one. cache may be empty; one that
// others may write to is not used, as its content is run. One that is damaged is
// emptied, and one that cannot be used, as on a full disk, is done without.
func Start(ctx context.Context, cache string) (*Engine, error) {
	if private(cache) {
		e, err := start(ctx, cache)
		if err == nil {
			return e, nil
		}
		discard(cache)
	}
	return start(ctx, "")
}

func start(ctx context.Context, cache string) (*Engine, error) {
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(maxMemory)
	if cache != "" {
		store, err := wazero.NewCompilationCacheWithDir(cache)
		if err != nil {
			return nil, errors.New("start pdfium: its cache cannot be used")
		}
		defer func() { _ = store.Close(ctx) }()
		config = config.WithCompilationCache(store)
	}
	pool, err := webassembly.Init(webassembly.Config{
		MinIdle: 0, MaxIdle: 1, MaxTotal: 1,
		FSConfig:      wazero.NewFSConfig(), // the library mounts / when it is told nothing
		RuntimeConfig: config, Stdout: io.Discard, Stderr: io.Discard, RandomSource: rand.Reader,
	})
	if err != nil {
		return nil, fmt.Errorf("start pdfium: %w", err)
	}
	lib, err := pool.GetInstance(instanceTime)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start pdfium: %w", err), pool.Close())
	}
	return &Engine{pool, lib}, nil
}

// compiled is how wazero names what it keeps in a folder of its own below a cache.
const compiled = "wazero-*/*"

// discard empties a cache for the next start; what cannot be removed stays.
func discard(cache string) {
	files, _ := fs.Glob(os.DirFS(cache), compiled)
	for _, f := range files {
		_ = os.Remove(filepath.Join(cache, f))
	}
}

// private reports whether dir is a folder that only this process's user may use.
func private(dir string) bool {
	if dir == "" {
		return false
	}
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && ownOnly(info)
}

// Close ends the engine.
func (e *Engine) Close() error { return e.pool.Close() }

// Document is an open PDF.
type Document struct {
	lib pdfium.Pdfium
	ref references.FPDF_DOCUMENT
}

// Open opens a PDF that needs no password. The engine keeps a copy of its own.
func (e *Engine) Open(pdf []byte) (d *Document, err error) {
	defer caught(&err)
	doc, err := e.lib.OpenDocument(&requests.OpenDocument{File: &pdf})
	if err != nil {
		return nil, fmt.Errorf("%w: open: %w", ErrEngine, err)
	}
	return &Document{e.lib, doc.Document}, nil
}

// Close closes the document and its pages.
func (d *Document) Close() (err error) {
	defer caught(&err)
	_, err = d.lib.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: d.ref})
	return engineError("close", err)
}

// Pages returns the number of pages.
func (d *Document) Pages() (n int, err error) {
	defer caught(&err)
	count, err := d.lib.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.ref})
	if err != nil {
		return 0, engineError("count pages", err)
	}
	return count.PageCount, nil
}

// Page opens page i, counted from 0.
func (d *Document) Page(i int) (p *Page, err error) {
	defer caught(&err)
	page, err := d.lib.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: d.ref, Index: i})
	if err != nil {
		return nil, engineError("open page", err)
	}
	return &Page{lib: d.lib, doc: d.ref, ref: requests.Page{ByReference: &page.Page}, page: page.Page}, nil
}

// caught turns a panic of the library into an error.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: panic", ErrEngine)
	}
}

// engineError says where the engine failed; what it says itself may quote the document.
func engineError(where string, err error) error {
	if err == nil || errors.Is(err, ErrEngine) {
		return err
	}
	return fmt.Errorf("%w: %s", ErrEngine, where)
}

// Form reports whether the document has an interactive form, whose fields are
// drawn by a module of their own and not with the page.
func (d *Document) Form() (is bool, err error) {
	defer caught(&err)
	kind, err := d.lib.FPDF_GetFormType(&requests.FPDF_GetFormType{Document: d.ref})
	if err != nil {
		return false, engineError("look for a form", err)
	}
	return kind.FormType != enums.FPDF_FORMTYPE_NONE, nil
}
