package zookeeper

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsMissingIsSaidInALine(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // without java, if the jar is there
	_, _, err := Find(t.Context())
	require.ErrorContains(t, err, "apt-get install --no-install-recommends zookeeper openjdk-17-jre-headless")
	require.NotContains(t, err.Error(), "\n")

	if _, err := os.Stat(debianJar); err != nil {
		t.Skip("there is no jar: ", err)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "java"), []byte("#!/bin/sh\necho no such thing\n"), 0o755))
	t.Setenv("PATH", dir)
	_, _, err = Find(t.Context())
	require.ErrorContains(t, err, `is no java that runs (-version says "no such thing")`)
}

func TestVersion(t *testing.T) {
	jar := func(properties string) string {
		path := filepath.Join(t.TempDir(), "zookeeper.jar")
		f, err := os.Create(path)
		require.NoError(t, err)
		defer f.Close()
		z := zip.NewWriter(f)
		w, err := z.Create("META-INF/maven/org.apache.zookeeper/zookeeper/pom.properties")
		require.NoError(t, err)
		_, err = strings.NewReader(properties).WriteTo(w)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		return path
	}
	version, err := Version(jar("artifactId=zookeeper\nversion=3.8.4\n"))
	require.NoError(t, err)
	require.Equal(t, "3.8.4", version)
	require.True(t, Captured(version))
	require.False(t, Captured("3.9.3"))
	_, err = Version(jar("artifactId=zookeeper\n"))
	require.ErrorContains(t, err, "it names none")
	_, err = Version(filepath.Join(t.TempDir(), "zookeeper.jar"))
	require.ErrorContains(t, err, "version of")
}
