package board

import (
	"bytes"
	"html/template"
	"sync"
)

// Shortcut is a page in a file that leads a browser on this computer to the board, as
// often as it is opened, until the key is made anew. Who can read it may look at the
// board: it belongs where staff read the outbox, which tells more. computer is this
// computer's name.
//
// It is a page and not a link of the desktop: those are handed to the browser as an
// argument, which other accounts can read.
func (b *Board) Shortcut(listen, computer string) ([]byte, error) {
	var out bytes.Buffer
	err := shortcut().Execute(&out, struct{ Address, Computer string }{"http://" + listen + enterPath + b.door.pass(), computer})
	return out.Bytes(), err
}

// Renew makes the key anew: all browsers, tickets and shortcuts are turned out at once.
func (b *Board) Renew() error { return b.door.renew() }

var shortcut = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("shortcut").Parse(shortcutText))
})

const shortcutText = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="1; url={{.Address}}">
<title>Records going out: the board</title>
<style>
:root{color-scheme:light dark}
body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem}
h1{font-size:1.5rem}
a{display:inline-block;padding:.6rem 1.2rem;border-radius:.4rem;background:#17507f;color:#fff;text-decoration:none}
a:focus-visible{outline:3px solid #e08a00;outline-offset:2px}
</style></head>
<body><main><h1>The board opens in a moment</h1>
<p><a href="{{.Address}}">Open the board now</a></p>
<p>It opens on the computer {{if .Computer}}<strong>{{.Computer}}</strong>{{else}}that chartseal runs on{{end}} only. If the browser says there that it cannot connect, chartseal is not running, or its board has moved: call your IT contact. Orders stay in the outbox meanwhile.</p>
<p>On another computer, open <strong>DUE-LIST.html</strong> in the outbox instead.</p>
</main></body></html>
`
