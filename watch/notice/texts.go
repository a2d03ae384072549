package notice

const holdText = `{{if .P.Name}}{{.P.Name}}
{{end}}
{{if .H.Repeat}}NOTHING WAS SENT FOR THIS FILE.{{else}}THIS ORDER IS ON HOLD. NOTHING WAS SENT.{{end}}

Order:  {{.H.Order}}
Since:  {{when .H.HeldAt}}

{{if gt (len .H.Reasons) 1}}There are {{len .H.Reasons}} reasons:
{{else}}The reason:
{{end}}{{range $i, $r := .H.Reasons}}
{{printf "%2d" (inc $i)}}. {{wrap 4 $r.Message}}
{{- range $r.Items}}
      - {{.}}
{{- end}}
    ({{wrap 5 (law $r)}})
{{end}}
{{- if .H.Repeat}}
The file as you dropped it lies beside this note: {{.H.File}}
{{wrap 0 (printf "If you are not sure, ask %s." .Help)}}
{{else}}
WHAT TO DO

  1. Correct what is named above. The order as you dropped it lies
     beside this note: {{.H.File}}
  2. Drop the corrected order into the outbox again, under the same
     order number.
  3. {{wrap 5 (printf "If you are not sure, ask %s." .Help)}}
{{if .Decisions}}{{if .Form}}
If an approver decides instead, fill in part J of the form ("Answers to a
hold") with name, day and reason, and drop it again; it is recorded with the
name. What to write there:

{{range .Decisions}}  - {{.}}
{{end}}{{else}}
If an approver decides instead, add the decision to the order and drop it
again; it is recorded with the name. As a text to copy (in place of a line
"decisions: []", if the order has one):

decisions:
{{range .Decisions}}  {{.}}
{{end}}{{end}}{{end}}{{end}}
For IT: release {{.H.Release}}
`

const receiptText = `{{if .P.Name}}{{.P.Name}}
{{end}}
THE RECORDS WERE SENT.

Order:      {{.R.Order}}
To:         {{wrap 12 .R.Recipient.Name}}
{{- if .R.Recipient.Address}}
            {{wrap 12 .R.Recipient.Address}}{{end}}
Sent:       {{when .R.SentAt}}
Contents:   {{.R.Contents}}
Size:       {{size .R.Bundle.Bytes}}, encrypted
Link until: {{when .R.LinkExpires}}

WHAT TO DO NOW
{{if eq .R.Unlock "passphrase"}}
  1. Send LINK-LETTER.pdf to the recipient (e-mail or post).
  2. Give the passphrase by ANOTHER way: tell it by telephone or hand
     over PASSPHRASE-LETTER.pdf. Never send both letters together.
{{else}}
  1. Send LINK-LETTER.pdf to the recipient. They open it with the key
     they gave us; there is no passphrase.
{{end}}
The link for the recipient:

{{if .R.Page}}{{.R.Page}}{{else}}{{.R.Link}}{{end}}

For the chart (copy and paste):

  {{wrap 2 (printf "Records released %s to %s, order %s: encrypted link valid until %s." (.R.SentAt.Format "2006-01-02") .R.Recipient.Name .R.Order (.R.LinkExpires.Format "2006-01-02 15:04"))}}
{{if .R.Notices}}
PLEASE NOTE
{{range .R.Notices}}
  - {{wrap 4 .}}
{{- end}}
{{end}}
{{.R.Removed}} details that the recipient does not need (such as serial numbers and
hidden file data) were removed; manifest.json in the bundle lists them.

For IT: release {{.R.Release}}, ledger entry {{.R.LedgerSeq}}
`
