package pdfform

import (
	"regexp"
	"sync"
)

var pathForm = regexp.MustCompile(`\b[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+\b`)

// InFormWords says what a rule has to say about an order in the words printed on
// the form: the label for the name that a field has in YAML.
func InFormWords(message string) string {
	labels := labelsByPath()
	return pathForm.ReplaceAllStringFunc(message, func(path string) string {
		if label, ok := labels[path]; ok {
			return "'" + label + "' on the form"
		}
		return path
	})
}

var labelsByPath = sync.OnceValue(func() map[string]string {
	labels := map[string]string{}
	for _, s := range Sections(Practice{Kinds: []string{"chart"}, Categories: []string{"sedation"}}) {
		for _, row := range s.Rows {
			for _, f := range row {
				labels[f.Path] = f.Label
				if f.Item != "" {
					labels[f.Path] = groups[f.Path]
				}
			}
		}
	}
	return labels
})
