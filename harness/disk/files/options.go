package files

import (
	"iter"
	"strings"
)

// Options is how a directory is mounted. The zero value is fine.
type Options struct {
	// Seed draws delays and parts. A seed fixes what is drawn, not for whom.
	Seed uint64
	// Memory bounds what is remembered of what files held before writes that are not
	// synced yet; 0 for 64 MiB. Appended bytes take none of it.
	Memory int64
}

const usualMemory = 64 << 20

// pathParts returns the names of which a relative path consists.
func pathParts(name string) iter.Seq[string] { return strings.SplitSeq(name, "/") }
