package exposure

import (
	"io"
	"strconv"
	"time"

	"chartseal/ledger/sheet"
)

// CSV writes one row for each link, or drive.
func CSV(w io.Writer, all []Exposed) error {
	rows := [][]string{{"release", "order", "patient", "recipient", "email", "information", "delivery", "from", "until", "end", "link stated", "downloads known", "object key", "bytes", "bundle sha256", "page key"}}
	for _, x := range all {
		for _, l := range x.Windows {
			rows = append(rows, []string{
				x.Release, x.Order, x.Patient, x.Recipient.Name, x.Recipient.Email, x.Information, x.Delivery,
				moment(l.Opened), moment(l.Closed), string(l.End), moment(l.Stated), strconv.Itoa(len(x.Fetched)),
				x.ObjectKey, strconv.FormatInt(x.Bytes, 10), x.BundleSum, l.Page,
			})
		}
	}
	return sheet.Write(w, rows)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
