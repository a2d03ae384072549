package alert

import (
	"fmt"
	"time"
)

// title is the trouble in a few words.
func (c Condition) title() string {
	switch c.Class {
	case Stuck:
		if c.Detail == "start" {
			return "the daemon cannot start"
		}
		return "nothing moves"
	case Failing:
		if c.Count == 0 {
			return "chartseal waits: " + c.Detail
		}
		return plural(c.Count, "order waits", "orders wait") + ": " + c.Detail
	case Overdue:
		return plural(c.Count, "order is", "orders are") + " overdue"
	case Credentials:
		return "the store's credentials " + c.Detail
	case Ledger:
		return "the ledger is broken, nothing is sent"
	case RolledBack:
		return "the ledger lacks entries, nothing is sent"
	case Disk:
		return "the disk is nearly full"
	case Brake:
		return "the brake holds " + plural(c.Count, "order", "orders")
	case Changed:
		return "the daemon still uses an old copy of the " + c.Detail
	default:
		return "a test"
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sentence says what has happened and what to do.
func (it Item) sentence(loc *time.Location) string {
	title := upper(it.title())
	if it.Phase == Over {
		return "It is over: " + it.title() + "."
	}
	if !it.Since.IsZero() && it.Class != Test {
		title += " (since " + it.Since.In(loc).Format("January 2, 15:04") + ")"
	}
	if it.Release != "" {
		title += "; release " + it.Release
	}
	return title + ". " + it.Advice()
}

// Sentence is the trouble and what to do, for people who look now.
func (c Condition) Sentence(loc *time.Location) string {
	return Item{Condition: c, Phase: Begins}.sentence(loc)
}

func upper(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// Advice is what IT should do about it.
func (c Condition) Advice() string {
	switch c.Class {
	case Stuck:
		switch c.Detail {
		case "scheduler":
			return "The daemon runs but does not look into the outbox: a folder may hang, such as one on a server that is away. Check the network drives, then restart the service."
		case "start":
			return "Orders wait in the outbox. Run `chartseal check` on the computer, and look at the service's log."
		case "orders":
			return "An order has been in work for hours without saying what it waits for. Look at `chartseal status` and the log, then restart the service: every order goes on where it stopped."
		}
		return "Files lie in the outbox and are not picked up: they are open in another program, still being copied, lack their signature, or chartseal's account may not read them. `chartseal status` names them."
	case Failing:
		return failing(c.Detail)
	case Overdue:
		return "The law's date for an answer has passed. DUE-LIST.html in the outbox names the orders: front desk should answer them today."
	case Credentials:
		return "Without them nothing is uploaded and no link can be made. Put new access keys where the old ones are; orders wait and go on by themselves. Where systemd hands the keys to the service, restart it then: its copy is made at the start."
	case Ledger:
		return "It was changed outside the program. Run `chartseal ledger verify`, keep the files as they are, and call the privacy officer."
	case RolledBack:
		return "It is shorter than its signed heads say, as after an old backup was restored. Restore the newest copy of the ledger, or run `chartseal ledger verify` and then `chartseal ledger accept`."
	case Disk:
		return "Make room on the disk that holds chartseal's state folder: with none left orders wait."
	case Brake:
		return "More releases than the practice expects. If they are right, an approver decides on each held order; if nobody knows them, stop chartseal and call the privacy officer."
	case Changed:
		return "The file was changed, and is read only when the daemon starts. Restart the service: `chartseal service stop`, then `chartseal service start`. Orders go on where they stopped."
	default:
		return "Alerts from chartseal reach you here."
	}
}

func failing(class string) string {
	switch class {
	case "store unavailable", "interrupted":
		return "The store does not answer: check the internet connection, the proxy and the firewall. Orders go on by themselves."
	case "store denied access":
		return "The store refuses the access keys: check that they are still valid and allowed to write, read and delete in the bucket (`chartseal check`)."
	case "bucket missing", "store not found":
		return "The bucket is not there: check its name and region in chartseal.yaml (`chartseal check`)."
	case "clock wrong":
		return "This computer's clock is wrong: turn time synchronisation on."
	case "store full", "disk full":
		return "There is no room left: make some. Orders go on by themselves."
	case "database unavailable":
		return "The shared database does not answer: check its server and the network. Orders go on by themselves."
	case "database busy":
		return "The shared database is busy with the orders of other sites: check its server if this lasts. Orders go on by themselves."
	case "outbox away", "outbox cannot be written":
		return "The outbox folder cannot be reached or written: check the share and the rights of chartseal's account."
	case "source folder missing", "records folder does not answer", "shared image folder empty":
		return "A folder with records cannot be reached: check the network drive. Nothing goes out without what it holds."
	case "recipient book not readable":
		return "The recipient book cannot be read, so that nothing goes to anybody in it: correct it (`chartseal check` names the line). Orders go on by themselves."
	case "export folder missing":
		return "The folder for drives is not there: plug the drive in, or correct 'export' in chartseal.yaml."
	case "ledger copy":
		return "The signed head of the ledger cannot be copied to the store: releases go on, but a ledger that is cut short would be noticed later. Run `chartseal check`."
	}
	return "Run `chartseal check`; the log says more. Nothing was lost: orders go on by themselves once the cause is gone."
}
