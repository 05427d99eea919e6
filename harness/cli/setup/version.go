package setup

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/usurper/usurper/harness/history"
)

// Version says which program this is, and what histories it writes.
func Version() string {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return fmt.Sprintf("usurper %s, history format %d, %s %s/%s", version, history.Format, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
