package pdfform

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"chartseal/order"
)

// Read makes an order of a form's values: field names with their values, none for
// an empty field. Unclear are the fields whose value cannot be told. What is wrong
// comes back all at once as an [*order.ParseError] whose problems name the fields
// as they are printed on the form.
func Read(values map[string][]string, unclear []string, p Practice) (*order.Order, error) {
	if wrong := foreign(values, p); wrong != "" {
		return nil, &order.ParseError{ID: idOf(values), Problems: []order.Problem{{Message: wrong}}}
	}
	r := newReader(values, p)
	r.unclear(unclear)
	r.fields(values)
	r.recipient()
	o, err := r.order()
	if len(r.problems) == 0 {
		return o, err
	}
	slices.SortStableFunc(r.problems, func(a, b order.Problem) int { return r.place(a.Field) - r.place(b.Field) })
	received, err := order.ParseDate(first(values, Field{Path: "received"}.Name()))
	if err != nil {
		received = order.Date{} // which is one of the problems
	}
	return nil, &order.ParseError{ID: idOf(values), Received: received, Problems: r.problems}
}

func first(values map[string][]string, field string) string {
	if v := values[field]; len(v) == 1 {
		return clean(v[0])
	}
	return ""
}

func idOf(values map[string][]string) string {
	id := first(values, Field{Path: "order"}.Name())
	if order.CheckID(id) != "" {
		return ""
	}
	return id
}

// foreign says why a form is not the practice's own, "" if it is.
func foreign(values map[string][]string, p Practice) string {
	version, key, name := first(values, VersionField), first(values, PracticeField), first(values, NameField)
	switch {
	case version == "":
		return "This PDF is not the practice's order form, so it cannot be read as an order. Fill in the blank order form and drop that. If this is a record, it belongs into the patient's folder."
	case version != Version:
		return fmt.Sprintf("This order form is of another version (%s; now it is %s) and cannot be read for certain. Take a new blank form, fill it in and drop that.", version, Version)
	case (key == "" || key != p.Key) && (name == "" || name != p.Name):
		return fmt.Sprintf("This order form was made for another practice (%s). Take a blank form of this practice, fill it in and drop that.", name)
	}
	return ""
}

type reader struct {
	table    map[string]Field // by name
	places   map[string]int   // where on the form a path is, for sorting
	sections map[string]string
	doubtful map[string]bool
	tree     map[string]any
	rows     map[string]string // decisions[2] of the form is decisions[0] of the order
	problems []order.Problem
}

func newReader(values map[string][]string, p Practice) *reader {
	r := &reader{
		table: map[string]Field{}, places: map[string]int{}, sections: map[string]string{},
		doubtful: map[string]bool{}, tree: map[string]any{}, rows: map[string]string{},
	}
	lists := map[string]Field{}
	for _, f := range r.layout(p) {
		r.table[f.Name()] = f
		if f.Item != "" {
			lists[strings.TrimSuffix(f.Name(), f.Item)] = f
		}
	}
	for name := range values { // boxes of kinds and categories the form had when it was made
		for prefix, like := range lists {
			if item, ok := strings.CutPrefix(name, prefix); ok && r.table[name].Path == "" {
				like.Item, like.Label = item, Words(item)
				r.table[name] = like
			}
		}
	}
	for name, f := range r.table {
		if _, there := values[name]; !there && f.Item == "" {
			r.report(f, "is not on this form any more: a page or a field was removed. Fill in a whole blank form")
		}
	}
	return r
}

// layout lists the fields in the order in which they are printed.
func (r *reader) layout(p Practice) []Field {
	var all []Field
	for _, s := range Sections(p) {
		for _, row := range s.Rows {
			for _, f := range row {
				if _, known := r.places[f.Path]; !known {
					r.places[f.Path], r.sections[f.Path] = len(all)+1, s.Mark
				}
				all = append(all, f)
			}
		}
	}
	return all
}

// place is where a path, or the first field below it, is printed.
func (r *reader) place(path string) int {
	for p := path; p != ""; p = parent(p) {
		if at, ok := r.places[p]; ok {
			return at
		}
	}
	least := 0
	for p, at := range r.places {
		if strings.HasPrefix(p, path+".") && (least == 0 || at < least) {
			least = at
		}
	}
	return least
}

func parent(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

func (r *reader) report(f Field, format string, args ...any) {
	r.problems = append(r.problems, order.Problem{Field: f.Path, Message: r.printed(f.Path, f.label()) + " " + fmt.Sprintf(format, args...)})
	r.doubtful[f.Path] = true
}

// label names a field for a person, a tick box with its group.
func (f Field) label() string {
	if f.Group != "" {
		return f.Group + ": " + f.Label
	}
	return f.Label
}

func (r *reader) printed(path, label string) string {
	if s := r.sections[path]; s != "" {
		return fmt.Sprintf("'%s' (part %s)", label, s)
	}
	return "'" + label + "'"
}

func (r *reader) unclear(names []string) {
	for _, name := range names {
		if f, ok := r.table[name]; ok {
			r.report(f, "cannot be read for certain: what is saved in the file is not what the form shows. Open the form, fill the field in again and save it")
		}
	}
}

func (r *reader) fields(values map[string][]string) {
	next := map[string]int{}
	for _, f := range r.sorted() {
		given := values[f.Name()]
		var texts []string
		for _, v := range given {
			if v = clean(v); v != "" {
				texts = append(texts, v)
			}
		}
		switch {
		case len(texts) == 0 && f.Must:
			r.report(f, "is empty; fill it in")
		case len(texts) == 0 || r.doubtful[f.Path] && f.Item == "":
		case len(texts) > 1:
			r.report(f, "has more than one value; fill in one")
		default:
			r.value(f, texts[0], next)
		}
	}
	for name, v := range values {
		if _, known := r.table[name]; !known && name != VersionField && name != PracticeField && name != NameField && len(v) > 0 {
			r.problems = append(r.problems, order.Problem{Message: fmt.Sprintf("The form has a field %q that is not the practice's. Fill in a blank form of this practice.", name)})
		}
	}
}

func (r *reader) sorted() []Field {
	all := make([]Field, 0, len(r.table))
	for _, f := range r.table {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b Field) int {
		if d := r.place(a.Path) - r.place(b.Path); d != 0 {
			return d
		}
		return strings.Compare(a.Name(), b.Name())
	})
	return all
}

// clean takes away what programs add around a text.
func clean(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s))
}

func (r *reader) value(f Field, text string, next map[string]int) {
	switch f.Type {
	case Box:
		switch strings.ToLower(strings.TrimPrefix(text, "/")) {
		case "no", "false", "0", "off":
			r.report(f, "cannot be read for certain. Open the form, tick the box again and save it")
			return
		}
		if f.Item != "" {
			list, _ := r.tree[f.Path].([]any)
			r.tree[f.Path] = append(list, f.Item)
			return
		}
		r.tree[r.compact(f.Path, next)] = true
	case Choice, Open:
		r.tree[r.compact(f.Path, next)] = f.chosen(text)
	default:
		r.tree[r.compact(f.Path, next)] = text
	}
}

// chosen is the value behind an entry of a list: programs save the value or the
// words for it.
func (f Field) chosen(text string) string {
	for _, o := range f.Options {
		if text == o.Value || text == o.Words {
			return o.Value
		}
	}
	if f.Path == "recipient" { // of a book that was changed since
		text, _, _ = strings.Cut(text, keySeparator)
	}
	return text
}

// compact closes the gaps that empty lines leave in a list: what stands on the
// third line of the form may be the first answer.
func (r *reader) compact(path string, next map[string]int) string {
	open, end := strings.IndexByte(path, '['), strings.IndexByte(path, ']')
	if open < 0 {
		return path
	}
	row := path[:end+1]
	if _, ok := r.rows[row]; !ok {
		r.rows[row] = fmt.Sprintf("%s[%d]", path[:open], next[path[:open]])
		next[path[:open]]++
	}
	return r.rows[row] + path[end+1:]
}

// recipient settles whether the book or the lines below it name the recipient.
func (r *reader) recipient() {
	_, book := r.tree["recipient"]
	for path := range r.tree {
		if strings.HasPrefix(path, "recipient.") && book {
			r.report(r.table["recipient"], "and the lines below it both name a recipient. Keep one and empty the other")
			delete(r.tree, "recipient")
			return
		}
	}
}

// order reads the values with the same checks as an order in JSON.
func (r *reader) order() (*order.Order, error) {
	kinds, _ := r.tree["records.kinds"].([]any)
	if len(kinds) == 1 && kinds[0] == order.AllKinds {
		r.tree["records.kinds"] = order.AllKinds
	}
	if k, _ := r.tree["authorization.scope.kinds"].([]any); len(k) == 1 && k[0] == order.AllKinds {
		r.tree["authorization.scope.kinds"] = order.AllKinds
	}
	if k, _ := r.tree["legal_process.scope.kinds"].([]any); len(k) == 1 && k[0] == order.AllKinds {
		r.tree["legal_process.scope.kinds"] = order.AllKinds
	}
	text, err := json.Marshal(nested(r.tree))
	if err != nil {
		return nil, fmt.Errorf("write order: %w", err)
	}
	o, err := order.Parse("form.json", text)
	bad, ok := errors.AsType[*order.ParseError](err)
	if !ok {
		return o, err
	}
	for _, p := range bad.Problems {
		r.relabel(p)
	}
	return nil, err
}

// relabel turns a problem with an order's field into one with the form's.
func (r *reader) relabel(p order.Problem) {
	path := p.Field
	for form, row := range r.rows {
		if rest, ok := strings.CutPrefix(path, row); ok {
			path = form + rest
			break
		}
	}
	for said := range r.doubtful {
		if said == path || strings.HasPrefix(said, path+".") {
			return
		}
	}
	message, quoted := strings.CutPrefix(p.Message, "'"+p.Field+"'")
	if quoted {
		message = r.printed(r.nearest(path), r.label(path)) + message
	}
	r.problems = append(r.problems, order.Problem{Field: path, Message: message})
}

func (r *reader) nearest(path string) string {
	for p := path; p != ""; p = parent(p) {
		if _, ok := r.sections[p]; ok {
			return p
		}
	}
	return path
}

// groups name what has no field of its own on the form.
var groups = map[string]string{
	"records.kinds": "Kinds of records", "sensitive": "Sensitive records", "authorization.scope.kinds": "The signed form names",
	"authorization.sensitive": "The signed form expressly names", "legal_process.scope.kinds": "The document names",
	"recipient": "Send to", "denial": "Denial (part E)", "extension": "More time (part F)", "requester": "Who asks", "approved": "Approved by",
	"authorization": "Signed authorization (part A)", "legal_process": "Court order or subpoena (part B)", "directive": "The patient's directive (part C)",
	"part2_consent": "Substance use consent (part D)", "agreement": "Data use agreement (part G)", "deidentification": "Expert's determination (part G)", "prepared": "Order written by", "fee": "Fee (part H)", "decisions": "Answers to a hold (part J)",
}

func (r *reader) label(path string) string {
	for p := path; p != ""; p = parent(p) {
		if label, ok := groups[p]; ok {
			return label
		}
		if f, ok := r.table[Field{Path: p}.Name()]; ok {
			return f.label()
		}
	}
	return path
}

// nested makes groups and lists of paths.
func nested(flat map[string]any) map[string]any {
	root := map[string]any{}
	for path, v := range flat {
		at := root
		parts := strings.Split(path, ".")
		for _, part := range parts[:len(parts)-1] {
			name, i, listed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
			if listed {
				name += "\x00" + i // a list, made below
			}
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		name, i, listed := strings.Cut(strings.TrimSuffix(parts[len(parts)-1], "]"), "[")
		if listed {
			name += "\x00" + i
		}
		at[name] = v
	}
	listed(root)
	return root
}

// listed turns the keys name\x000, name\x001 ... into the list name.
func listed(group map[string]any) {
	for key, v := range group {
		if sub, ok := v.(map[string]any); ok {
			listed(sub)
		}
		name, number, is := strings.Cut(key, "\x00")
		if !is {
			continue
		}
		i, _ := strconv.Atoi(number)
		list, _ := group[name].([]any)
		for len(list) <= i {
			list = append(list, nil)
		}
		list[i] = v
		group[name] = list
		delete(group, key)
	}
}
