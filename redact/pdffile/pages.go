package pdffile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"chartseal/redact"
)

// language is what RFC 5646 lets /Lang be: no room for a name.
var language = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$`)

// build copies the pages into a new document under a new catalog.
func (c *copier) build() (*document, error) {
	root, err := c.root()
	if err != nil {
		return nil, err
	}
	catalog, err := c.catalog(root)
	if err != nil {
		return nil, err
	}
	form, err := c.form(root)
	if err != nil {
		return nil, err
	}
	tree := c.out.add(nil)
	kids, err := c.pages(root, tree, form)
	if err != nil {
		return nil, err
	}
	c.out.objects[tree.ObjectNumber-1] = types.Dict{
		"Type": types.Name("Pages"), "Count": types.Integer(len(kids)), "Kids": kids,
	}
	catalog["Pages"] = tree
	c.out.pages = len(kids)
	c.out.root = c.out.add(catalog)
	c.out.version = "1.7"
	if v := c.src.XRefTable.Version(); v.String() == "2.0" {
		c.out.version = "2.0"
	}
	return c.out.renumbered(), nil
}

func (c *copier) root() (types.Dict, error) {
	if c.src.Root == nil {
		return nil, redact.Refuse(redact.Malformed, "the PDF has no list of pages")
	}
	root, err := c.dict(*c.src.Root)
	if err == nil && root == nil {
		err = redact.Refuse(redact.Malformed, "the PDF has no list of pages")
	}
	return root, err
}

// catalog keeps Type and Lang (table 28); Pages follows. What cannot be taken
// away without changing what a reader sees is refused.
func (c *copier) catalog(root types.Dict) (types.Dict, error) {
	if err := c.layers(root); err != nil {
		return nil, err
	}
	if _, ok := root.Find("Collection"); ok {
		return nil, redact.Refuse(redact.Unfit,
			"the PDF is a portfolio, a cover around other files; release those files instead")
	}
	out := types.Dict{"Type": types.Name("Catalog")}
	for _, k := range slices.Sorted(maps.Keys(root)) {
		switch k {
		case "Type", "Pages", "Version", "Extensions", "OCProperties", "NeedsRendering":
		case "Lang":
			o, err := c.resolve(root[k])
			if err != nil {
				return nil, err
			}
			if b, err := stringBytes(o); err == nil && language.Match(b) {
				out["Lang"] = o
			}
		case "Names":
			if err := c.names(root[k]); err != nil {
				return nil, err
			}
		default:
			c.drop(k)
		}
	}
	return out, nil
}

// layers refuses optional content (section 8.11): without the entry that says
// which layers are on, hidden ones would show.
func (c *copier) layers(root types.Dict) error {
	props, err := c.dict(root["OCProperties"])
	if err != nil || props == nil {
		return err
	}
	o, err := c.resolve(props["OCGs"])
	if err != nil {
		return err
	}
	if groups, ok := o.(types.Array); ok && len(groups) == 0 {
		return nil
	}
	return drawable{redact.Refuse(redact.Unfit,
		"the PDF has layers that can be switched on and off, so it is not certain what is visible")}
}

// names counts what goes with the name dictionary (table 31).
func (c *copier) names(o types.Object) error {
	d, err := c.dict(o)
	if err != nil {
		return err
	}
	for k := range d {
		switch k {
		case "JavaScript":
			c.tally.add(scriptRemoved, 1)
		case "EmbeddedFiles":
			n, err := c.leaves(d[k])
			if err != nil {
				return err
			}
			if n > 0 { // programs write empty trees, too
				c.tally.add(attachmentRemoved, n)
				c.tally.notice(attachmentNotice)
			}
		default:
			c.tally.add(outlineRemoved, 1)
		}
	}
	return nil
}

// leaves counts the entries of a name tree (section 7.9.6); each of its
// branches counts as one.
func (c *copier) leaves(o types.Object) (int, error) {
	d, err := c.dict(o)
	if err != nil || d == nil {
		return 0, err
	}
	n := 0
	for key, each := range map[string]int{"Names": 2, "Kids": 1} { // names come in pairs with their values
		o, err := c.resolve(d[key])
		if err != nil {
			return 0, err
		}
		if list, ok := o.(types.Array); ok {
			n += (len(list) + each - 1) / each
		}
	}
	return n, nil
}

// inherited are the page attributes that come down the tree (section 7.7.3.4).
var inherited = []string{"Resources", "MediaBox", "CropBox", "Rotate"}

// pages copies the leaves of the page tree, flat, as kids of tree.
func (c *copier) pages(root types.Dict, tree types.IndirectRef, f *acroForm) (types.Array, error) {
	w := &pageWalk{copier: c, tree: tree, form: f, active: map[int]bool{}}
	if err := w.node(root["Pages"], types.Dict{}, 0); err != nil {
		return nil, err
	}
	if w.met == 0 {
		return nil, redact.Refuse(redact.Malformed, "the PDF has no pages")
	}
	for _, r := range c.only {
		if max(r.From, r.To) > w.met {
			return nil, redact.Refuse(redact.Absent, "%s", beyond(r, w.met))
		}
	}
	c.tally.add(pagesRemoved, w.met-len(w.kids))
	return w.kids, nil
}

// beyond says that a range of pages does not fit.
func beyond(r Range, pages int) string {
	has := "has " + strconv.Itoa(pages) + " pages"
	if pages == 1 {
		has = "has only one page"
	}
	if r.To > r.From {
		return fmt.Sprintf("pages %d to %d are asked for, but the PDF %s", r.From, r.To, has)
	}
	return fmt.Sprintf("page %d is asked for, but the PDF %s", r.From, has)
}

// wanted reports whether page n, counted from 1, is to be copied.
func (c *copier) wanted(n int) bool {
	return len(c.only) == 0 || slices.ContainsFunc(c.only, func(r Range) bool {
		return n >= r.From && (r.To == 0 || n <= r.To)
	})
}

type pageWalk struct {
	*copier
	tree     types.IndirectRef
	form     *acroForm
	kids     types.Array
	met      int          // pages so far, copied or not
	counting bool         // copies none
	active   map[int]bool // nodes on the way down, against circles
}

func (w *pageWalk) node(o types.Object, above types.Dict, depth int) error {
	if ref, ok := o.(types.IndirectRef); ok {
		n := ref.ObjectNumber.Value()
		if w.active[n] || depth > maxDepth {
			return redact.Refuse(redact.Malformed, "the list of pages of the PDF runs in a circle")
		}
		w.active[n] = true
		defer delete(w.active, n)
	}
	d, err := w.dict(o)
	if err != nil {
		return err
	}
	if d == nil {
		return redact.Refuse(redact.Malformed, "a page of the PDF is missing")
	}
	if _, inner := d.Find("Kids"); !inner {
		return w.page(d, above)
	}
	o, err = w.resolve(d["Kids"])
	if err != nil {
		return err
	}
	kids, ok := o.(types.Array)
	if !ok {
		return redact.Refuse(redact.Malformed, "the list of pages of the PDF is broken")
	}
	here := pass(above, d)
	for _, kid := range kids {
		if err := w.node(kid, here, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pass returns the attributes that children of d inherit.
func pass(above, d types.Dict) types.Dict {
	out := maps.Clone(above)
	for _, k := range inherited {
		if v, ok := d.Find(k); ok {
			out[k] = v
		}
	}
	return out
}

func (w *pageWalk) page(d, above types.Dict) error {
	if w.met++; w.met > maxPages {
		return redact.Refuse(redact.TooLarge, "the PDF has too many pages")
	}
	if w.counting || !w.wanted(w.met) {
		return nil
	}
	whole := types.Dict{}
	for k, v := range d {
		if k != "Annots" && k != "Parent" {
			whole[k] = v
		}
	}
	for k, v := range above {
		if _, own := d.Find(k); !own {
			whole[k] = v
		}
	}
	out, err := w.copyDict(whole, page)
	if err != nil {
		return err
	}
	if err := w.drawnPage(d["Contents"], out); err != nil {
		return err
	}
	out["Type"] = types.Name("Page")
	out["Parent"] = w.tree
	if out["MediaBox"] == nil {
		return redact.Refuse(redact.Malformed, "a page of the PDF has no size")
	}
	if out["Resources"] == nil {
		out["Resources"] = types.Dict{}
	}
	if err := w.annotations(d["Annots"], out); err != nil {
		return err
	}
	w.kids, w.taken = append(w.kids, w.out.add(out)), append(w.taken, w.met)
	return nil
}
