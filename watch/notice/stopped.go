package notice

// stoppedText is for staff who wait for answers while the ledger does not hold (45 CFR
// 164.312(b), (c)).
const stoppedText = `{{if .P.Name}}{{.P.Name}}
{{end}}
NOTHING IS SENT AT THE MOMENT.

{{wrap 0 "The record book of what was released was changed outside the program, is an older copy that was brought back from a backup, or was lost and begun anew. Until that is cleared up, no record leaves."}}

WHAT TO DO

  1. Call your IT contact today, and read this note to them.
  2. Leave the orders where they are. None is lost: they are worked on
     as soon as the record book is in order. If an older copy of it is
     used from then on, each order that may be among those sent meanwhile
     is held until somebody has looked.
  3. {{wrap 5 (printf "If records are needed urgently, ask %s." .Help)}}

For IT: chartseal ledger verify says what is wrong, and at which entry.
If an older copy was restored on purpose, or the record book is lost for good:
chartseal ledger accept
`

// Stopped returns the note that lies in the outbox while nothing is sent because of
// the ledger.
func Stopped(p Practice) ([]byte, error) {
	return render("stopped", stoppedText, map[string]any{"P": p, "Help": helper(p)})
}
