package ovsdb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// toInstall says how the programs are had.
const toInstall = "install Debian's package (apt-get install openvswitch-common), or name the folder that has them with --binary DIR"

// Find returns the programs in a folder, such as one into which a package was unpacked,
// or with "" those of this machine. A path of ovsdb-server itself is as good as that of
// its folder.
func Find(ctx context.Context, dir string) (o Options, err error) {
	if info, err := os.Stat(dir); dir != "" && err == nil && !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	if o.Server, err = find(dir, "ovsdb-server"); err != nil {
		return Options{}, err
	}
	if o.Tool, err = find(dir, "ovsdb-tool"); err != nil {
		return Options{}, err
	}
	o.Version, err = version(ctx, o.Server)
	return o, err
}

// folders are where programs may be in a folder of them, and on a machine where the path
// of a user lacks those of administrators.
func folders(dir string) []string {
	if dir == "" {
		return []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"}
	}
	in := func(below ...string) string { return filepath.Join(append([]string{dir}, below...)...) }
	return []string{in(), in("sbin"), in("bin"), in("usr", "sbin"), in("usr", "bin"), in("..", "bin")}
}

func find(dir, name string) (string, error) {
	if path, err := exec.LookPath(name); dir == "" && err == nil {
		return filepath.Abs(path)
	}
	for _, folder := range folders(dir) {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return filepath.Abs(path)
		}
	}
	if dir == "" {
		return "", fmt.Errorf("no %s on this machine: %s", name, toInstall)
	}
	return "", fmt.Errorf("no %s in %s: %s", name, dir, toInstall)
}

var versionLine = regexp.MustCompile(`^ovsdb-server \(Open vSwitch\) (\S+)`)

// version asks ovsdb-server for its version.
func version(ctx context.Context, server string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, server, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", server, err)
	}
	found := versionLine.FindSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("%s --version: it printed %.80q: it is no ovsdb-server", server, out)
	}
	return string(found[1]), nil
}
