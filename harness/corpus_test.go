package harness_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target/reference"
)

// Every plan in the corpus that was measured to break its rule nearly always
// breaks it again, in one of a few runs; a busy machine, which shifts what the
// plans aim at, is given more of them.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("runs clusters")
	}
	files, err := filepath.Glob("../results/corpus/*/expected.json")
	require.NoError(t, err)
	for _, file := range files {
		var want reproduce.Expected
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &want))
		if !want.Sure() {
			continue
		}
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			cfg := kept(t, filepath.Dir(file))
			patience := time.Now().Add(2 * time.Minute)
			count, err := reproduce.Trial{
				Config: cfg,
				Breach: want.Breach,
				Enough: func(c reproduce.Count) bool { return reproduce.Found(c) || c.Runs >= 6 && time.Now().After(patience) },
			}.Run(t.Context())
			require.NoError(t, err)
			require.NotZero(t, count.Reproduced, "%s came in none of %d runs, but %d of %d when it was kept; otherwise broken: %s",
				want.Breach, count.Runs, want.Reproduced, want.Runs, count.OtherText())
		})
	}
}

// kept is the configuration of a run of the corpus, ready to be run.
func kept(t *testing.T, path string) harness.Config {
	t.Helper()
	dir, err := results.Open(path)
	require.NoError(t, err)
	saved, err := harness.Load(dir)
	require.NoError(t, err)
	var o reference.Options
	require.NoError(t, json.Unmarshal(saved.TargetOptions, &o))
	o.Binary = binary
	cfg := saved.Config
	cfg.Target, err = reference.New(o)
	require.NoError(t, err)
	cfg.Results = filepath.Join(t.TempDir(), "results")
	return cfg
}

// The corpus is small enough to live in the repository.
func TestCorpusIsSmall(t *testing.T) {
	var size int64
	require.NoError(t, filepath.Walk("../results/corpus", func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			size += info.Size()
		}
		return err
	}))
	require.Less(t, size, int64(5<<20))
}
