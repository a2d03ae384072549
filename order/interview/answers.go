package interview

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"chartseal/order"
)

// answers are the values of fields by their path: a text, true or false, or a list.
type answers map[string]any

// wrong says what is wrong with a value, in the words in which the order would be
// held for it, after the field's name.
func (a answers) wrong(path string, value any) string {
	trial := answers{path: value}
	if path == "records.from" || path == "records.to" { // they are compared
		for _, p := range []string{"records.from", "records.to"} {
			if v, ok := a[p]; ok && p != path {
				trial[p] = v
			}
		}
	}
	text, err := yaml.Marshal(trial.tree(slices.Collect(maps.Keys(trial))))
	if err != nil {
		return "cannot be written down"
	}
	_, err = order.Parse("trial.yaml", text)
	bad, ok := errors.AsType[*order.ParseError](err)
	if !ok {
		return ""
	}
	for _, p := range bad.Problems {
		if p.Field == path || strings.HasPrefix(p.Field, path+"[") {
			return strings.TrimPrefix(p.Message, "'"+p.Field+"' ")
		}
	}
	return ""
}

// sequence is the order in which an order's groups are written.
var sequence = []string{
	"order", "decision", "received", "patient", "requester", "recipient", "basis", "purpose", "records", "sensitive", "delivery", "link", "prepared", "approved",
}

// document is the order as YAML, read back as a proof.
func (a answers) document(paths []string) ([]byte, error) {
	text, err := yaml.Marshal(a.tree(paths))
	if err != nil {
		return nil, fmt.Errorf("write order: %w", err)
	}
	if _, err := order.Parse("order.yaml", text); err != nil {
		return nil, err
	}
	return text, nil
}

// tree makes groups of the paths, in their order within each group.
func (a answers) tree(paths []string) yaml.MapSlice {
	slices.SortStableFunc(paths, func(x, y string) int { return rank(x) - rank(y) })
	var root yaml.MapSlice
	for _, p := range paths {
		v := a[p]
		if list, ok := v.([]string); ok && len(list) == 1 && list[0] == order.AllKinds {
			v = order.AllKinds
		}
		root = put(root, strings.Split(p, "."), v)
	}
	return root
}

func rank(path string) int {
	head, _, _ := strings.Cut(path, ".")
	if i := slices.Index(sequence, head); i >= 0 {
		return i
	}
	return len(sequence)
}

func put(group yaml.MapSlice, path []string, v any) yaml.MapSlice {
	if list, _, ok := strings.Cut(path[0], "["); ok {
		return putRow(group, list, path, v)
	}
	if len(path) == 1 {
		return append(group, yaml.MapItem{Key: path[0], Value: v})
	}
	for i, item := range group {
		if sub, ok := item.Value.(yaml.MapSlice); ok && item.Key == path[0] {
			group[i].Value = put(sub, path[1:], v)
			return group
		}
	}
	return append(group, yaml.MapItem{Key: path[0], Value: put(nil, path[1:], v)})
}

// putRow puts a value into a row of a list; rows come in their order.
func putRow(group yaml.MapSlice, list string, path []string, v any) yaml.MapSlice {
	at := slices.IndexFunc(group, func(item yaml.MapItem) bool { return item.Key == list })
	if at < 0 {
		at, group = len(group), append(group, yaml.MapItem{Key: list, Value: []yaml.MapSlice{}})
	}
	rows, _ := group[at].Value.([]yaml.MapSlice)
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(path[0], list+"["), "]"))
	if err != nil || n >= len(rows) {
		n, rows = len(rows), append(rows, nil)
	}
	rows[n] = put(rows[n], path[1:], v)
	group[at].Value = rows
	return group
}
