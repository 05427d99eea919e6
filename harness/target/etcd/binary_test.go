package etcd

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionSyntax(t *testing.T) {
	for version, want := range map[string]string{
		"v3.6.16": "v3.6.16", "3.5.2": "v3.5.2", "v3.7.0-rc.1": "v3.7.0-rc.1",
		"": "", "latest": "", "v3.6": "", "v4.0.0": "", "v3.06.1": "", "v3.6.1/../x": "", "v3.6.1@x": "", "v3.4.30": "", "--help": "",
	} {
		got, err := canonical(version)
		require.Equal(t, want, got)
		require.Equal(t, want == "", err != nil, "%q: %v", version, err)
	}
	_, err := Build(t.Context(), "newest", nil)
	require.ErrorContains(t, err, "write it like v3.6.16")
	_, err = Build(t.Context(), "v3.4.30", nil)
	require.ErrorContains(t, err, "path of a binary")
	_, ok := Cached("newest")
	require.False(t, ok)
}
