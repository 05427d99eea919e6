package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

// The files of systems in modules of their own, which no test here can build, can be read,
// and name each member's own addresses and those that all know.
func TestStrangers(t *testing.T) {
	examples, err := filepath.Abs("../../../examples")
	require.NoError(t, err)
	for file, program := range map[string]string{"hashicorp-raft/store.yaml": "store", "dqlite/dqlite.yaml": "dqlite"} {
		t.Run(file, func(t *testing.T) {
			t.Chdir(t.TempDir()) // where the program has been built
			dir := filepath.Join("examples", filepath.Dir(file))
			require.NoError(t, os.MkdirAll(dir, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, program), nil, 0o755))
			sys, err := Load(filepath.Join(examples, file))
			require.NoError(t, err)
			require.NotNil(t, sys.Protocol(), "elections are judged")
			require.True(t, sys.OneAddress())
			cmd, err := sys.Command(target.Member{
				Name: "n2", PeerAddr: "127.0.0.1:1", ClientAddr: "127.0.0.1:2", DataDir: t.TempDir(), Inc: 1,
				Advertised: map[string]string{"n1": "127.0.0.1:11", "n2": "127.0.0.1:12", "n3": "127.0.0.1:13"},
			})
			require.NoError(t, err)
			args := strings.Join(cmd.Args, " ")
			require.Contains(t, args, "--id=n2 --bind=127.0.0.1:1 --advertise=127.0.0.1:12 --http=127.0.0.1:2")
			require.Regexp(t, `--peers=(n1=)?127.0.0.1:11,(n2=)?127.0.0.1:12,(n3=)?127.0.0.1:13 `, args)
		})
	}
}
