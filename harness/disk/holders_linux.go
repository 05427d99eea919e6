package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// holders says which processes have something open below a directory, as far as it can be
// seen, for an error that ends with it.
func holders(dir string) string {
	var all []string
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		links, _ := filepath.Glob(p + "/fd/*")
		for _, l := range append(links, p+"/cwd", p+"/root", p+"/exe") {
			to, err := os.Readlink(l)
			if err != nil || to != dir && !strings.HasPrefix(to, dir+"/") {
				continue
			}
			name, _ := os.ReadFile(p + "/comm")
			all = append(all, fmt.Sprintf("%s (%s)", strings.TrimSpace(string(name)), filepath.Base(p)))
			break
		}
	}
	switch {
	case len(all) == 0:
		return ", though nobody is seen to use it"
	case len(all) > 5:
		all = append(all[:5], "others")
	}
	return ", used by " + strings.Join(all, ", ")
}
