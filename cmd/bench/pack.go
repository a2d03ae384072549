package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"chartseal/packager/seal"
)

// The programs that people would use. $1 is the folder of the patients, $2 the
// output, $3 a folder for what is made on the way, $4 the recipient's key. dcmodify
// and gdcmanon remove what is simplest to say: private elements and the address.
const (
	lineCopy     = `cp -r "$1" "$2"`
	lineHash     = `find "$1" -type f -exec sha256sum {} + >/dev/null`
	lineAge      = `{ find "$1" -type f -exec cat {} +` + sealing
	lineTar      = `{ tar -C "$1" -cf - .` + sealing
	lineZip      = `cd "$1"; { zip -q -1 -r - .` + sealing
	lineDcmodify = `cp -r "$1/." "$3"; find "$3" -type f -exec dcmodify -nb -imt -ep -ea "(0010,1040)" {} +; cd "$3"; { zip -q -1 -r - .` + sealing
	lineGdcmanon = `cd "$1"; for d in */*; do mkdir -p "$3/$d"; gdcmanon --dumb --remove 10,1040 -r -i "$d" -o "$3/$d"; done; cd "$3"; { zip -q -0 -r - .` + sealing

	// sealing ends a pipe. What age has sealed is not whole if the program before it failed,
	// which the shell does not tell.
	sealing = ` && : >"$3.whole"; } | age -r "$4" -o "$2"; test -e "$3.whole"`
)

// packPart packs a volume and a series, stored and compressed.
func packPart(ctx context.Context, b *bench) error {
	volume, series, err := b.records(ctx)
	if err != nil {
		return err
	}
	key, err := seal.GenerateKey(false)
	if err != nil {
		return err
	}
	stored := []contender{
		{"tar c | age", []string{"sh", "tar", "age"}, b.sh(lineTar, key.Public), nil},
		{"chartseal, not read back", nil, b.packing(key.Public, false, false), nil},
		{"chartseal", nil, b.packing(key.Public, false, true), nil},
		{"gdcmanon + zip -0 | age", []string{"sh", "gdcmanon", "zip", "age"}, b.sh(lineGdcmanon, key.Public), nil},
		{"age alone", []string{"sh", "find", "age"}, b.sh(lineAge, key.Public), nil},
		{"cp", []string{"sh", "cp"}, b.sh(lineCopy, key.Public), nil},
		{"sha256sum", []string{"sh", "find", "sha256sum"}, b.sh(lineHash, key.Public), nil},
	}
	deflated := []contender{
		{"zip -1 | age", []string{"sh", "zip", "age"}, b.sh(lineZip, key.Public), nil},
		{"chartseal, not read back", nil, b.packing(key.Public, true, false), nil},
		{"chartseal", nil, b.packing(key.Public, true, true), nil},
		{"dcmodify + zip -1 | age", []string{"sh", "cp", "dcmodify", "zip", "age"}, b.sh(lineDcmodify, key.Public), nil},
	}
	for _, what := range []struct{ name, folder string }{{"volume in one file", volume}, {"series of slices", series}} {
		name := fmt.Sprintf("%s, %d MB", what.name, b.size)
		if err := b.packAll(ctx, name+", stored", stored, what.folder, false); err != nil {
			return err
		}
		if err := b.packAll(ctx, name+", compressed", deflated, what.folder, true); err != nil {
			return err
		}
	}
	return nil
}

// packAll compares the contenders with the first of them.
func (b *bench) packAll(ctx context.Context, name string, list []contender, folder string, compress bool) error {
	all, err := b.contest(ctx, list, folder)
	if err != nil {
		return err
	}
	t := table{
		title: strings.ToUpper(name[:1]) + name[1:],
		head:  []string{"program", "time", "× " + list[0].name, "from – to", "processor", "peak memory", "output"},
		after: fmt.Sprintf("Medians of %d rounds; seconds; output in MB. ", b.rounds) + peakWords,
	}
	for i := range list {
		if tool := list[i].missing(); tool != "" {
			t.row(list[i].name, "not measured: no "+tool, "", "", "", "", "")
			continue
		}
		wall, cpu, r := seconds(all[i], func(f figures) time.Duration { return f.wall }), seconds(all[i], func(f figures) time.Duration { return f.cpu }), ratios(all[i], all[0])
		t.row(list[i].name, fmt.Sprintf("%.2f", wall.median), fmt.Sprintf("%.2f", r.median), fmt.Sprintf("%.2f – %.2f", r.low, r.high),
			fmt.Sprintf("%.2f", cpu.median), peakText(all[i]), fmt.Sprintf("%.1f", float64(all[i][0].written)/1e6))
	}
	b.print(&t)
	if compress {
		b.wantDeflated(name, all)
	} else {
		b.wantStored(name, all)
	}
	return nil
}

func (b *bench) wantStored(name string, all [][]figures) {
	b.atMost(name+": tar | age, not read back", 0.6, all[1], all[0])
	b.atMost(name+": tar | age", 0.9, all[2], all[0])
	b.atLeast(name+": gdcmanon + zip -0 | age", 2, all[3], all[2])
}

func (b *bench) wantDeflated(name string, all [][]figures) {
	b.atMost(name+": zip -1 | age, not read back", 0.3, all[1], all[0])
	b.atMost(name+": zip -1 | age", 0.3, all[2], all[0])
	b.atLeast(name+": dcmodify + zip -1 | age", 3, all[3], all[2])
	const size, want = ": output beside zip -1", "≤ 1.00 ×"
	if len(all[0]) == 0 || len(all[2]) == 0 {
		b.unseen(name+size, want, "")
		return
	}
	ours, theirs := all[2][0].written, all[0][0].written
	b.want(name+size, want, fmt.Sprintf("%.3f ×", float64(ours)/float64(theirs)), ours <= theirs)
}

func (b *bench) atMost(what string, limit float64, ours, theirs []figures) {
	want := fmt.Sprintf("≤ %.1f × its time", limit)
	r := ratios(ours, theirs)
	if r.median == 0 {
		b.unseen(what, want, "")
		return
	}
	b.want(what, want, fmt.Sprintf("%.2f × (%.2f – %.2f)", r.median, r.low, r.high), r.median <= limit)
}

func (b *bench) atLeast(what string, limit float64, theirs, ours []figures) {
	want := fmt.Sprintf("≥ %.0f × as fast", limit)
	r := ratios(theirs, ours)
	if r.median == 0 {
		b.unseen(what, want, "")
		return
	}
	b.want(what, want, fmt.Sprintf("%.1f × (%.1f – %.1f)", r.median, r.low, r.high), r.median >= limit)
}
