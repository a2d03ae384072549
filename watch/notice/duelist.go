package notice

import (
	"bytes"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
)

// DueRow is one open order on the list for staff. The list hangs on walls and lies
// on desks: it names orders, not patients.
type DueRow struct {
	Order    string
	Where    string // in words
	Shown    string // what to look at, below the outbox; "" if nothing is left of it
	Received string // YYYY-MM-DD, "" if unknown
	Due      string // YYYY-MM-DD, "" if no law sets a date
	DaysLeft *int   // nil without a date
	Law      string // the state's rule, where it sets the date
	Extended string // YYYY-MM-DD: the day the patient was told
	Urgent   bool
}

// DueLink is a link that still works, or a file for a drive that still lies there,
// although the patient withdrew the permission, or asked that its recipient not get records.
type DueLink struct {
	Order     string
	Withdrawn string // YYYY-MM-DD
	Until     time.Time
	Folder    bool // no link: its files lie in the export folder
	Excluded  bool // nothing was withdrawn: a person has to decide
}

// maxDueRows bounds the list; nobody reads a longer one.
const maxDueRows = 500

// DueList returns DUE-LIST.html, one file that loads nothing. The rows come as they
// are shown.
func DueList(p Practice, now time.Time, rows []DueRow, links []DueLink) ([]byte, error) {
	more := max(len(rows)-maxDueRows, 0)
	overdue := 0
	for _, r := range rows {
		if r.DaysLeft != nil && *r.DaysLeft < 0 {
			overdue++
		}
	}
	var b bytes.Buffer
	err := duePage.Execute(&b, map[string]any{
		"P": p, "Now": now, "Rows": rows[:len(rows)-more], "More": more, "Count": len(rows), "Overdue": overdue, "Help": helper(p), "Links": links,
	})
	if err != nil {
		return nil, fmt.Errorf("fill due list: %w", err)
	}
	return b.Bytes(), nil
}

// Left is the time that is left, in words.
func (r DueRow) Left() string {
	if r.DaysLeft == nil {
		if r.Received == "" {
			return "Date unknown"
		}
		return "No legal date"
	}
	switch n := *r.DaysLeft; {
	case n < -1:
		return fmt.Sprintf("%d days overdue", -n)
	case n == -1:
		return "1 day overdue"
	case n == 0:
		return "Due today"
	case n == 1:
		return "1 day left"
	default:
		return fmt.Sprintf("%d days left", n)
	}
}

// Class is how the row is marked.
func (r DueRow) Class() string {
	switch {
	case r.DaysLeft != nil && *r.DaysLeft < 0:
		return "over"
	case r.Urgent:
		return "soon"
	case r.DaysLeft == nil:
		return "none"
	}
	return "calm"
}

// Link leads to what staff should look at, relative to the list.
func (r DueRow) Link() string {
	parts := strings.Split(r.Shown, "/")
	for i, s := range parts {
		parts[i] = url.PathEscape(s)
	}
	return "./" + strings.Join(parts, "/")
}

var duePage = template.Must(template.New("due").Funcs(template.FuncMap{
	"day":  longDate,
	"when": func(t time.Time) string { return t.Format("Monday, January 2, 2006, 3:04 PM") },
}).Parse(duePageText))

const duePageText = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta http-equiv="refresh" content="300">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Open orders: {{.Count}}{{if .Overdue}}, {{.Overdue}} overdue{{end}}</title>
<style>
:root { --ink: #14181c; --soft: #5a626a; --line: #d8dee3; --accent: #00587a; --over: #a8201a; --soon: #8a5a00; --calm: #1d6b3c; }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem) 3rem; background: #f4f6f8; color: var(--ink); font: 16px/1.45 "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 68rem; margin: 0 auto; }
header { display: flex; flex-wrap: wrap; gap: .25rem 2rem; justify-content: space-between; align-items: baseline; border-bottom: 3px solid var(--accent); padding-bottom: .75rem; }
h1 { font-size: 1.7rem; margin: 0; color: var(--accent); }
header p { margin: 0; color: var(--soft); }
.sum { font-size: 1.15rem; margin: 1.25rem 0 1rem; }
.sum b { color: var(--over); }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: #fff; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
th { text-align: left; font-size: .85rem; color: var(--soft); background: #eaf0f3; padding: .6rem .9rem; font-weight: 600; }
td { padding: .75rem .9rem; border-top: 1px solid var(--line); vertical-align: top; }
td:first-child { border-left: 6px solid var(--mark); white-space: nowrap; }
th:nth-child(1) { width: 22%; } th:nth-child(2) { width: 26%; } th:nth-child(3) { width: 34%; } th:nth-child(4) { width: 18%; }
tr.over { --mark: var(--over); background: #fdf1f0; } tr.soon { --mark: #d99a1b; background: #fffaf0; } tr.calm { --mark: #4b9e6b; } tr.none { --mark: #9aa5ae; }
.left { font-weight: 700; } .over .left { color: var(--over); } .soon .left { color: var(--soon); } .calm .left { color: var(--calm); } .none .left { color: var(--soft); }
.order { font-weight: 600; overflow-wrap: anywhere; }
small { display: block; color: var(--soft); font-size: .85rem; }
a { color: var(--accent); }
.alert { margin: 1.25rem 0 0; padding: .9rem 1.1rem; background: #fdf1f0; border: 1px solid var(--over); border-left: 6px solid var(--over); border-radius: 8px; overflow-wrap: anywhere; }
.alert b { display: block; color: var(--over); }
.empty { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 2rem; text-align: center; font-size: 1.15rem; }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 40rem) { thead { display: none; } tr, td { display: block; } td { border-top: 0; padding: .25rem .9rem; } td:first-child { border-left: 0; padding-top: .75rem; } td:last-child { padding-bottom: .75rem; } td:last-child::before { content: "Asked: "; color: var(--soft); } tr { border-left: 6px solid var(--mark); border-bottom: 1px solid var(--line); } }
@media print {
  @page { margin: 15mm; }
  html { font-size: 75%; }
  body { background: #fff; padding: 0; font-size: 9.5pt; }
  table, .empty { border-radius: 0; } thead { display: table-header-group; } tr { break-inside: avoid; }
  tr, th, .alert { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a { color: inherit; text-decoration: none; }
}
</style>
</head>
<body>
<main>
<header>
<h1>Open orders</h1>
<p>{{with .P.Name}}{{.}} · {{end}}{{when .Now}}</p>
</header>
{{range .Links -}}
{{if and .Excluded .Folder -}}
<p class="alert"><b>Order {{.Order}}: the patient has asked since that this recipient not get these records. The encrypted files still lie in the export folder.</b>
Hand nothing over. Ask the person who looks after privacy today; if they may not go, delete them there.</p>
{{else if .Excluded -}}
<p class="alert"><b>Order {{.Order}}: the patient has asked since that this recipient not get these records, and the link that was sent works until {{when .Until}}.</b>
Ask the person who looks after privacy today. <code>chartseal revoke {{.Order}}</code> ends the link; what was downloaded before cannot be called back.</p>
{{else if .Folder -}}
<p class="alert"><b>Order {{.Order}}: the patient withdrew the permission on {{day .Withdrawn}}. Its encrypted files still lie in the export folder.</b>
Delete them there, and hand nothing over. If the drive has been handed over already, tell the person who looks after privacy.</p>
{{else -}}
<p class="alert"><b>Order {{.Order}}: the patient withdrew the permission on {{day .Withdrawn}}, and the link still works until {{when .Until}}.</b>
chartseal deletes the records behind it as soon as it can reach them. If this stays here, call IT: <code>chartseal revoke {{.Order}}</code></p>
{{end -}}
{{end -}}
{{if .Rows -}}
<p class="sum">{{.Count}} {{if eq .Count 1}}order has{{else}}orders have{{end}} no final answer yet.
{{- if .Overdue}} <b>{{.Overdue}} {{if eq .Overdue 1}}is{{else}}are{{end}} overdue: answer {{if eq .Overdue 1}}it{{else}}them{{end}} today.</b>{{end}}</p>
<table>
<thead><tr><th>Time left</th><th>Order</th><th>Where it stands</th><th>Asked</th></tr></thead>
<tbody>
{{range .Rows -}}
<tr class="{{.Class}}">
<td><span class="left">{{.Left}}</span>{{if .Due}}<small>answer by {{day .Due}}</small>{{end}}</td>
<td><span class="order">{{if .Shown}}<a href="{{.Link}}">{{.Order}}</a>{{else}}{{.Order}}{{end}}</span></td>
<td>{{.Where}}{{if .Extended}}<small>the requester was told: by {{day .Extended}}</small>{{end}}{{if .Law}}<small>{{.Law}}</small>{{end}}</td>
<td>{{if .Received}}{{day .Received}}{{else}}unknown: the order cannot be read{{end}}</td>
</tr>
{{end -}}
</tbody>
</table>
{{- if .More}}
<p>{{.More}} more orders are not shown.</p>
{{- end}}
{{- else -}}
<p class="empty">Every order has been answered.</p>
{{- end}}
<footer>
<p>An order leaves this list when it is sent, denied or withdrawn. An unpaid bill is never a reason to let one wait. If you are not sure, ask {{.Help}}.</p>
<p>chartseal keeps this list up to date; what is written into it by hand is lost.</p>
</footer>
</main>
</body>
</html>
`
