package pdffile

import (
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// never are entries that no object of a cleaned PDF may have. The allow-list
// has none of them; this list is kept apart from it so that a slip there is
// caught here.
var never = map[string]bool{
	"JavaScript": true, "JS": true, "AA": true, "OpenAction": true, "URI": true, "Launch": true, "GoToR": true,
	"EmbeddedFiles": true, "EmbeddedFile": true, "EF": true, "AF": true, "Filespec": true, "Names": true, "Dests": true,
	"Metadata": true, "PieceInfo": true, "LastModified": true, "AcroForm": true, "XFA": true, "Outlines": true,
	"StructTreeRoot": true, "OCProperties": true, "OCGs": true, "OC": true, "Thumb": true, "Encrypt": true, "Info": true,
	"Author": true, "Producer": true, "Creator": true, "CreationDate": true, "ModDate": true, "Title": true,
}

// forbidden reports whether any object of the file, reachable or not, has one
// of these entries. A font or picture that happens to be called so fails too:
// better a person looks.
func forbidden(ctx *model.Context) bool {
	if ctx.Info != nil || ctx.Encrypt != nil {
		return true
	}
	for _, e := range ctx.Table {
		if e != nil && !e.Free && hasForbidden(e.Object, 0) {
			return true
		}
	}
	return false
}

func hasForbidden(o types.Object, depth int) bool {
	if depth > 2*maxDepth {
		return true
	}
	switch o := o.(type) {
	case types.Array:
		for _, e := range o {
			if hasForbidden(e, depth+1) {
				return true
			}
		}
	case types.StreamDict:
		return hasForbidden(o.Dict, depth)
	case types.Dict:
		for k, v := range o {
			if never[k] || hasForbidden(v, depth+1) {
				return true
			}
		}
	}
	return false
}
