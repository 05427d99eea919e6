package zookeeper

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

const (
	// debianJar and debianLog are where Debian's packages zookeeper (libzookeeper-java)
	// and libslf4j-java put theirs. The first names all that it needs, but for something
	// that writes its log.
	debianJar = "/usr/share/java/zookeeper.jar"
	debianLog = "/usr/share/java/slf4j-simple.jar"
)

// install is what to do about something that is missing.
const install = "install Debian's packages zookeeper and openjdk-17-jre-headless (apt-get install --no-install-recommends zookeeper openjdk-17-jre-headless)"

// javaVersion is how a JRE says what it is.
var javaVersion = regexp.MustCompile(`version "(\d+)`)

// Find returns the jar and the java of this machine. An error says in a line what is to be
// installed.
func Find(ctx context.Context) (jar, java string, err error) {
	for _, path := range []string{debianJar, debianLog} {
		if _, err := os.Stat(path); err != nil {
			return "", "", fmt.Errorf("there is no ZooKeeper at %s: %s", path, install)
		}
	}
	java, err = exec.LookPath("java")
	if err != nil {
		return "", "", fmt.Errorf("there is no java: %s", install)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, java, "-version")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil || !javaVersion.Match(out) {
		return "", "", fmt.Errorf("%s is no java that runs (-version says %.60q): %s", java, bytes.TrimSpace(out), install)
	}
	return debianJar, java, nil
}

// Version reads from a jar which ZooKeeper it is, such as "3.8.0".
func Version(jar string) (string, error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("version of %s: %w", jar, err) }
	z, err := zip.OpenReader(jar)
	if err != nil {
		return fail(err)
	}
	defer z.Close()
	f, err := z.Open("META-INF/maven/org.apache.zookeeper/zookeeper/pom.properties")
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return fail(err)
	}
	for line := range strings.Lines(string(text)) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "version="); ok {
			return version, nil
		}
	}
	return fail(errors.New("it names none"))
}

// Captured tells whether the protocol of a version was ever looked at.
func Captured(version string) bool { return strings.HasPrefix(version, "3.8.") }
