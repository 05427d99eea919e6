package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/usurper/usurper/harness/target"
)

// Build says which program made a run, on what, and of which executable its
// members were. Empty fields are not known.
type Build struct {
	Usurper  string `json:"usurper"`            // version of the module that is the program
	Revision string `json:"revision,omitempty"` // of its source; with "+changes" if that was not all
	Go       string `json:"go"`
	Platform string `json:"platform"` // linux/amd64
	CPUs     int    `json:"cpus"`
	// System is the executable of the members, SystemSHA256 its digest in hex as
	// sha256sum prints it.
	System       string `json:"system,omitempty"`
	SystemSHA256 string `json:"system_sha256,omitempty"`
}

// BuildOf describes this program and the executable of t.
func BuildOf(t target.Target) Build {
	b := Build{
		Usurper:  "(devel)",
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:     runtime.NumCPU(),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			b.Usurper = info.Main.Version
		}
		b.Revision = revision(info.Settings)
	}
	if b.System = target.Executable(t); b.System != "" {
		b.SystemSHA256 = Digest(b.System)
	}
	return b
}

func revision(settings []debug.BuildSetting) string {
	var text string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			text = s.Value + text
		case s.Key == "vcs.modified" && s.Value == "true":
			text += "+changes"
		}
	}
	return text
}

// Digest is the SHA-256 of a file in hex, "" if it cannot be read: whoever starts it says
// so better.
func Digest(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}
