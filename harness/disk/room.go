package disk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	usualSize = 1 << 30
	// leastSize is what every file system here can be made in, with room for some
	// segments of a log: xfs wants 300 MB.
	leastSize = 384 << 20
)

// room is where images go and how large they may become.
type room struct {
	size   int64 // of each
	memory bool
	note   string
}

// roomFor decides that, for so many images. In memory they may take half of what is
// available, all together and completely written; else half of what is free on the file system
// of the directory for spilled ones. Images are sparse, but what will be written nobody knows.
func roomFor(members int, asked, available, free int64) (room, error) {
	least, most := int64(leastSize), int64(usualSize)
	if asked > 0 {
		least, most = asked, asked
	}
	n := int64(max(members, 1))
	fit := func(bytes int64) int64 { return min(most, bytes/2/n) &^ (1<<20 - 1) }
	switch {
	case fit(available) >= least:
		size := fit(available)
		return room{size: size, memory: true, note: fmt.Sprintf("images of %s in memory", megabytes(size))}, nil
	case fit(free) >= least:
		size := fit(free)
		return room{size: size, note: fmt.Sprintf("images of %s on disk, which is slower: %s of memory are available, and %d × %s should take half of them at most",
			megabytes(size), megabytes(available), n, megabytes(least))}, nil
	}
	return room{}, fmt.Errorf("%d images of %s fit neither into half of the %s of memory that are available nor into half of the %s of disk that are free: free some, or ask for smaller ones",
		n, megabytes(least), megabytes(available), megabytes(free))
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

// fresh is a name that nothing has yet.
func fresh() string { return strconv.FormatUint(rand.Uint64(), 36) }

// availableMemory is what can be taken without anybody being pushed out: of the machine,
// and of each cgroup in which this process is, as in a container. proc is /proc, groups
// /sys/fs/cgroup.
func availableMemory(proc, groups string) int64 {
	kb, _ := field(filepath.Join(proc, "meminfo"), "MemAvailable:")
	available := kb << 10
	own, _ := os.ReadFile(filepath.Join(proc, "self/cgroup"))
	for line := range strings.Lines(string(own)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		base, limit, used, cached := groups, "memory.max", "memory.current", "inactive_file"
		switch {
		case f[1] == "":
		case slices.Contains(strings.Split(f[1], ","), "memory"):
			base, limit, used, cached = filepath.Join(groups, "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
		default:
			continue
		}
		for group := filepath.Join("/", f[2]); ; group = filepath.Dir(group) { // what a container does not see is not there
			at := func(file string) string { return filepath.Join(base, group, file) }
			if most, n := number(at(limit)), number(at(used)); most >= 0 && n >= 0 {
				free, _ := field(at("memory.stat"), cached)
				available = min(available, max(most-n+free, 0))
			}
			if group == "/" {
				break
			}
		}
	}
	return available
}

// field reads the number behind a word of a file of such lines.
func field(file, word string) (int64, error) {
	b, err := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == word {
			return strconv.ParseInt(f[1], 10, 64)
		}
	}
	return 0, err
}

// number reads a file of one number; -1 if it is not one.
func number(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return -1
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return -1
	}
	return int64(min(n, math.MaxInt64))
}
