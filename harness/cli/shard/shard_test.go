package shard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cli/shard"
	"github.com/usurper/usurper/harness/night"
)

// environment is what a scheduler sets, written as "NAME=value" words.
func environment(text string) func(string) (string, bool) {
	set := make(map[string]string)
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		set[name] = value
	}
	return func(name string) (string, bool) {
		value, ok := set[name]
		return value, ok
	}
}

// tasks are the variables of one of an array.
func tasks(id, min, max, count string) string {
	return "SLURM_ARRAY_TASK_ID=" + id + " SLURM_ARRAY_TASK_MIN=" + min + " SLURM_ARRAY_TASK_MAX=" + max + " SLURM_ARRAY_TASK_COUNT=" + count
}

func TestFind(t *testing.T) {
	whole := night.Shard{}
	for _, c := range []struct {
		name  string
		asked shard.Asked
		env   string
		want  night.Shard
		by    string
	}{
		{"nothing", shard.Asked{}, "", whole, ""},
		{"nothing of an array", shard.Asked{}, "SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=7", whole, ""},
		{"one shard", shard.Asked{Of: 1}, "", whole, ""},
		{"named", shard.Asked{Shard: "2/5"}, "", night.Shard{I: 2, N: 5}, "--shard 2/5"},
		{"named twice", shard.Asked{Shard: "2/5", Of: 5}, "", night.Shard{I: 2, N: 5}, "--shard 2/5"},
		{"first pod", shard.Asked{Of: 5}, "JOB_COMPLETION_INDEX=0", night.Shard{I: 1, N: 5}, "JOB_COMPLETION_INDEX=0 and --shards 5"},
		{"last pod", shard.Asked{Of: 5}, "JOB_COMPLETION_INDEX=4", night.Shard{I: 5, N: 5}, "JOB_COMPLETION_INDEX=4 and --shards 5"},
		{"only pod", shard.Asked{Of: 1}, "JOB_COMPLETION_INDEX=0", night.Shard{I: 1, N: 1}, "JOB_COMPLETION_INDEX=0 and --shards 1"},
		{"pod, named too", shard.Asked{Shard: "2/5"}, "JOB_COMPLETION_INDEX=1", night.Shard{I: 2, N: 5}, "--shard 2/5"},
		{"pod, whole night", shard.Asked{Shard: "1/1"}, "JOB_COMPLETION_INDEX=3", night.Shard{I: 1, N: 1}, "--shard 1/1"},
		{"--array=0-99%4", shard.Asked{}, tasks("0", "0", "99", "100"), night.Shard{I: 1, N: 100}, "SLURM_ARRAY_TASK_ID=0 of 0 to 99"},
		{"--array=1-4", shard.Asked{}, tasks("4", "1", "4", "4"), night.Shard{I: 4, N: 4}, "SLURM_ARRAY_TASK_ID=4 of 1 to 4"},
		{"--array=1-4, told twice", shard.Asked{Of: 4}, tasks("2", "1", "4", "4"), night.Shard{I: 2, N: 4}, "SLURM_ARRAY_TASK_ID=2 of 1 to 4"},
		{"--array=1-7:2", shard.Asked{}, tasks("5", "1", "7", "4") + " SLURM_ARRAY_TASK_STEP=2", night.Shard{I: 3, N: 4}, "SLURM_ARRAY_TASK_ID=5 of 1 to 7"},
		{"--array=3, again", shard.Asked{Shard: "3/5"}, tasks("3", "3", "3", "1"), night.Shard{I: 3, N: 5}, "--shard 3/5"},
		{"--array=2,5, again", shard.Asked{Shard: "5/5"}, tasks("5", "2", "5", "2"), night.Shard{I: 5, N: 5}, "--shard 5/5"},
		{"--array=3, whole night", shard.Asked{Shard: "1/1"}, tasks("3", "3", "3", "1"), night.Shard{I: 1, N: 1}, "--shard 1/1"},
		{"--array=3, one shard", shard.Asked{Of: 1}, tasks("3", "3", "3", "1"), night.Shard{I: 1, N: 1}, "SLURM_ARRAY_TASK_ID=3 of 3 to 3"},
		{"both, named", shard.Asked{Shard: "2/4"}, "JOB_COMPLETION_INDEX=1 " + tasks("2", "1", "4", "4"), night.Shard{I: 2, N: 4}, "--shard 2/4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, by, err := shard.Find(c.asked, environment(c.env))
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.by, by)
		})
	}
}

func TestContradictions(t *testing.T) {
	for _, c := range []struct {
		name  string
		asked shard.Asked
		env   string
		want  string
	}{
		{"no shard", shard.Asked{Shard: "6/5"}, "", `--shard: shard "6/5": use one such as 2/5`},
		{"which", shard.Asked{Of: 5}, "", "--shards 5: say which of them with --shard"},
		{"fewer than none", shard.Asked{Of: -1}, "", "--shards -1: use at least 1"},
		{"two counts", shard.Asked{Shard: "2/5", Of: 4}, "", "--shard 2/5 and --shards 4 contradict each other"},
		{"whole, of several", shard.Asked{Shard: "1/1", Of: 4}, "", "--shard 1/1 and --shards 4 contradict each other"},
		{"pod without a count", shard.Asked{}, "JOB_COMPLETION_INDEX=0", "add --shards with the completions of the Job"},
		{"pod beyond", shard.Asked{Of: 5}, "JOB_COMPLETION_INDEX=5", "JOB_COMPLETION_INDEX=5, which counts from 0, is beyond --shards 5"},
		{"pod counted from 1", shard.Asked{Shard: "1/5"}, "JOB_COMPLETION_INDEX=1", "--shard 1/5, but JOB_COMPLETION_INDEX=1, which counts from 0"},
		{"octal", shard.Asked{Of: 20}, "JOB_COMPLETION_INDEX=010", `JOB_COMPLETION_INDEX="010" is no number`},
		{"empty", shard.Asked{Of: 5}, "JOB_COMPLETION_INDEX=", `JOB_COMPLETION_INDEX="" is no number`},
		{"both", shard.Asked{Of: 4}, "JOB_COMPLETION_INDEX=1 " + tasks("2", "1", "4", "4"), "are both set"},
		{"--array=1-4 of five", shard.Asked{Of: 5}, tasks("2", "1", "4", "4"), "--shards 5, and an array of 4 tasks"},
		{"--array=1,2,5", shard.Asked{}, tasks("2", "1", "5", "3"), "of which some are left out"},
		{"--array=1-4, named", shard.Asked{Shard: "1/4"}, tasks("2", "1", "4", "4"), "this is shard 2/4"},
		{"--array=0-3, $ID/4", shard.Asked{Shard: "2/4"}, tasks("2", "0", "3", "4"), "this is shard 3/4"},
		{"--array=3 alone", shard.Asked{}, tasks("3", "3", "3", "1"), "is the only task of its array"},
		{"no count", shard.Asked{}, "SLURM_ARRAY_TASK_ID=3", "SLURM_ARRAY_TASK_MIN is not set"},
		{"beyond", shard.Asked{}, tasks("9", "1", "4", "4"), "that is no array of Slurm's"},
		{"too many", shard.Asked{}, tasks("2", "1", "4", "5"), "that is no array of Slurm's"},
		{"no step", shard.Asked{}, tasks("2", "1", "4", "4") + " SLURM_ARRAY_TASK_STEP=0", "that is no array of Slurm's"},
		{"between steps", shard.Asked{}, tasks("2", "1", "7", "4") + " SLURM_ARRAY_TASK_STEP=2", "of which some are left out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := shard.Find(c.asked, environment(c.env))
			require.ErrorContains(t, err, c.want)
		})
	}
}
