package exec

import (
	"path"

	"go.yaml.in/yaml/v3"
)

// DataFiles implements target.Filed.
func (t *Target) DataFiles() map[string][]string { return t.c.data }

// dataFiles reads which files members keep: classes, each a pattern or a list of them.
func (d *file) dataFiles(n *yaml.Node) map[string][]string {
	all := make(map[string][]string)
	d.Entries(n, func(key, value *yaml.Node) {
		if !systemName.MatchString(key.Value) {
			d.Errorf(key, "data-files: %q: use small letters, digits and . _ -, as in wal, snapshot or db", key.Value)
		}
		before := len(d.Errs)
		d.List(value, func(e *yaml.Node) {
			pattern, ok := d.Scalar(e)
			if !ok {
				return
			}
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" || path.IsAbs(pattern) {
				d.Errorf(e, "data-files: %q is no pattern of paths below the data directory: use one such as '*.wal' or 'wal/*'", pattern)
				return
			}
			all[key.Value] = append(all[key.Value], pattern)
		})
		if len(all[key.Value]) == 0 && len(d.Errs) == before {
			d.Errorf(value, "data-files: %s has no pattern: use one such as '*.wal'", key.Value)
		}
	})
	return all
}
