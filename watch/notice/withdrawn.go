package notice

import "time"

// WithdrawnFile is the name of the note in the answer to an order whose link was
// withdrawn.
const WithdrawnFile = "WITHDRAWN.txt"

const withdrawnText = `{{if .P.Name}}{{.P.Name}}
{{end}}
THE LINK OF THIS ORDER WAS WITHDRAWN.

{{wrap 0 (printf "Order %s: on %s the records and their page were deleted where they could be downloaded." .Order .On)}}{{if .Why}}
{{wrap 0 (printf "The reason: %s." .Why)}}{{end}}{{if .Kept}}
{{wrap 0 .Kept}}{{end}}

WHAT TO DO

  1. Do not send LINK-LETTER.pdf any more: its link leads nowhere.
  2. {{wrap 5 "What somebody downloaded before cannot be called back. Your IT contact can see whether it was downloaded, with chartseal status."}}
  3. Keep this folder: it is the record of what was sent.
{{if .Help}}  4. {{wrap 5 (printf "If the records are needed after all, write a new order. Questions: %s." .Help)}}
{{end}}`

// Withdrawn says that the link of an order leads nowhere any more; why and kept may be
// empty.
func Withdrawn(p Practice, order string, at time.Time, why, kept string) ([]byte, error) {
	return render("withdrawn", withdrawnText, map[string]any{
		"P": p, "Order": order, "On": at.Format("Monday, January 2, 2006"), "Why": why, "Kept": kept, "Help": helper(p),
	})
}
