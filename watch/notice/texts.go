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
{{- if .R.LinkNote}}
            {{wrap 12 .R.LinkNote}}{{end}}
{{- if not .R.RelinkedAt.IsZero}}
New link:   {{when .R.RelinkedAt}}
            {{wrap 12 "LINK-LETTER.pdf was written anew."}}
            {{if .R.OldLinkWorks}}{{wrap 12 "The link in the earlier letter still works: it could not be ended just now. The program goes on trying."}}
            {{- else}}{{wrap 12 "The link in the earlier letter no longer works."}}{{end}}
{{- if not .R.EarlierUntil.IsZero}}
            {{wrap 12 (printf "Only who opened the earlier letter's link before, and kept that page open or saved it, can still download the file until %s. It stays locked without %s. To stop that too, withdraw the records (chartseal revoke) and send a new order." (when .R.EarlierUntil) (or (and (eq .R.Unlock "passphrase") "the passphrase") "their key"))}}{{end}}{{end}}

WHAT TO DO NOW
{{if and (eq .R.Unlock "passphrase") (not .R.RelinkedAt.IsZero)}}
  1. Send LINK-LETTER.pdf to the recipient (e-mail or post).
  2. {{wrap 5 "The passphrase is still the same. PASSPHRASE-LETTER.pdf has it, if it was not thrown away; the program itself has forgotten it."}}
{{else if eq .R.Unlock "passphrase"}}
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
{{template "bundle end" .}}`

// bundleEnd ends the receipt of a bundle, however it is delivered.
const bundleEnd = `{{define "bundle end"}}{{if .R.Notices}}
PLEASE NOTE
{{range .R.Notices}}
  - {{wrap 4 .}}
{{- end}}
{{end}}
{{template "part denied" .}}{{.R.Removed}} details that the recipient does not need (such as serial numbers and
hidden file data) were removed; manifest.json in the bundle lists them.

For IT: release {{.R.Release}}, ledger entry {{.R.LedgerSeq}}
{{end}}`

// deniedInPart goes into a receipt when a letter says what was left out.
const deniedInPart = `{{define "part denied"}}{{if .R.Denied}}A PART WAS DENIED

  Denied:  {{wrap 11 .R.Part}}
  Goes:    {{wrap 11 .R.Contents}}
{{if .R.Named}}
  {{wrap 2 "The denied part was named by kind or by file, and kept back."}}
{{- else}}
  {{wrap 2 "The denied part is described in words only, so the program could not keep it back: compare it with what goes. If it is among that, call the person who looks after privacy at once."}}
{{- end}}

  Sign DENIAL-LETTER.pdf and give it to the requester as well. It says
  what was left out, why, and what the requester can do about it.

{{end}}{{end}}`

const driveText = `{{if .P.Name}}{{.P.Name}}
{{end}}
THE RECORDS LIE IN THE EXPORT FOLDER, ENCRYPTED. NOTHING WAS UPLOADED.

Order:      {{.R.Order}}
To:         {{wrap 12 .R.Recipient.Name}}
{{- if .R.Recipient.Address}}
            {{wrap 12 .R.Recipient.Address}}{{end}}
Ready:      {{when .R.SentAt}}
Contents:   {{.R.Contents}}
Size:       {{size .R.Bundle.Bytes}}, encrypted
Folder:     {{.R.Folder}}
Files:{{range .R.Files}}
  - {{.}}{{end}}

WHAT TO DO NOW

  1. Copy both files onto the drive the recipient brought.
  2. Hand over DRIVE-LETTER.pdf with the drive. It says how to open them.
{{- if eq .R.Unlock "passphrase"}}
  3. Give the passphrase by ANOTHER way: tell it by telephone or hand
     over PASSPHRASE-LETTER.pdf later. Never put it with the drive.
{{- else}}
  3. They open it with the key they gave us; there is no passphrase.
{{- end}}
  4. Delete both files from the export folder once the drive is gone.

A drive from outside can carry viruses: plug it in only where your IT
contact allows it. Copy nothing unencrypted onto it.

For the chart (copy and paste):

  {{wrap 2 (printf "Records released %s to %s, order %s: encrypted copy on a drive." (.R.SentAt.Format "2006-01-02") .R.Recipient.Name .R.Order)}}
{{template "bundle end" .}}`

const handText = `{{if .P.Name}}{{.P.Name}}
{{end}}
{{if eq .R.Delivery "mail"}}THE RELEASE BY POST IS RECORDED. CHARTSEAL SENT NOTHING ITSELF.{{else}}THE INSPECTION IS RECORDED. CHARTSEAL SENT NOTHING.{{end}}

Order:      {{.R.Order}}
To:         {{wrap 12 .R.Recipient.Name}}
{{- if .R.Recipient.Address}}
            {{wrap 12 .R.Recipient.Address}}{{end}}
Recorded:   {{when .R.SentAt}}
Records:    {{wrap 12 .R.Contents}}

WHAT TO DO NOW
{{if eq .R.Delivery "mail"}}
  1. Put together the records named above, and nothing else.
  2. Check the patient's name and birth date on every one of them.
  3. Post them to the address above, or hand them over.

For the chart (copy and paste):

  {{wrap 2 (printf "Records released %s to %s, order %s: by post or by hand." (.R.SentAt.Format "2006-01-02") .R.Recipient.Name .R.Order)}}
{{else}}
  1. Make an appointment with the person named above and check the
     identity.
  2. Show the records named above. They stay in the practice.

For the chart (copy and paste):

  {{wrap 2 (printf "Inspection of records arranged %s for %s, order %s." (.R.SentAt.Format "2006-01-02") .R.Recipient.Name .R.Order)}}
{{end}}{{if .R.Notices}}
PLEASE NOTE
{{range .R.Notices}}
  - {{wrap 4 .}}
{{- end}}
{{end}}
{{template "part denied" .}}For IT: release {{.R.Release}}, ledger entry {{.R.LedgerSeq}}
`

const deniedText = `{{if .P.Name}}{{.P.Name}}
{{end}}
THE REQUEST IS DENIED. NOTHING WAS SENT.

Order:      {{.D.Order}}
Asked by:   {{wrap 12 .D.To.Name}}
Decided:    {{when .D.DeniedAt}}

WHAT TO DO NOW

  1. Read DENIAL-LETTER.pdf, have it signed, and give it or post it to
     the requester{{if .D.Due}}. It must be there by {{day .D.Due}}{{end}}.
  2. Keep a copy in the chart.
{{- if .D.Reviewable}}
  3. If a review is asked for, pass it on to {{.D.Reviewer}}
     at once, and tell the requester the outcome in writing.
{{- end}}

An unpaid bill is never a reason to keep records back. If the reason no
longer holds, write a new order with a new number.

For the chart (copy and paste):

  {{wrap 2 (printf "Request for records of %s denied %s, order %s: letter with reason and rights given." .D.Received (.D.DeniedAt.Format "2006-01-02") .D.Order)}}

For IT: release {{.D.Release}}, ledger entry {{.D.LedgerSeq}}
`

const extendedText = `{{if .P.Name}}{{.P.Name}}
{{end}}
THE TIME IS EXTENDED ONCE. THE REQUEST IS STILL OPEN. NOTHING WAS SENT.

Order:      {{.X.Order}}
Asked by:   {{wrap 12 .X.To.Name}}
Answer by:  {{day .X.Due}}

WHAT TO DO NOW
{{if .X.Told}}
  1. You told the requester yourself on {{day .X.Told}}; keep a copy of
     that notice in the chart.
{{- else}}
  1. Have EXTENSION-LETTER.pdf signed, and give it or post it to the
     requester. It must be there by {{day .X.First}}.
{{- end}}
  2. When the records are ready, drop the order again under the SAME
     order number, with decision: release (or deny), by {{day .X.Due}}.

There is no second extension.
{{- if .X.StateLaw}}

{{wrap 0 (printf "PLEASE NOTE: %s. The letter does not change that: answer by %s, although the letter names %s." .X.StateLaw (day .X.Due) (day .X.Until))}}
{{- end}}

For the chart (copy and paste):

  {{wrap 2 (printf "Time for the request of %s extended %s to %s, order %s: %s" .X.Received (.X.ExtendedAt.Format "2006-01-02") .X.Until .X.Order .X.Reason)}}

For IT: release {{.X.Release}}, ledger entry {{.X.LedgerSeq}}
`

const lostText = `{{if .P.Name}}{{.P.Name}}
{{end}}
THE ORDER'S FILE WAS DELETED WHILE IT WAS BEING ANSWERED.

Order:      {{.L.Order}}
Recorded:   {{.L.Outcome}}, {{when .L.At}}

{{wrap 0 "The ledger says so already, but the letter could not be made: its words were in the deleted file."}}

WHAT TO DO NOW

  1. If the requester must be told, write the letter by hand, or find the
     order and drop it again with a new number.
  2. {{wrap 5 (printf "If you are not sure, ask %s." .Help)}}

For IT: release {{.L.Release}}, ledger entry {{.L.LedgerSeq}}
`
