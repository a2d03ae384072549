package computer

import (
	"chartseal/config"
	"chartseal/transport"
)

// leastDisk is what one release needs at least, in bytes: below it the next may not go.
const leastDisk = 200 << 20

func examineDisk(cfg *config.Config, free func(string) int64, add transport.AddFinding) {
	n := free(cfg.State)
	switch wanted := int64(cfg.Alerts.Disk) << 30; {
	case n < 0:
		add("disk", transport.Notice, "How much room there is for the state folder cannot be seen.")
	case n < leastDisk:
		add("disk", transport.Problem, "There are %d MiB left for the state folder; sealed files lie there until they are answered. Make room.", n>>20)
	case n < wanted:
		add("disk", transport.Warning, "There are %d MiB left for the state folder; there should be %d GiB. Make room.", n>>20, cfg.Alerts.Disk)
	default:
		add("disk", transport.OK, "There are %d GiB left for the state folder.", n>>30)
	}
}
