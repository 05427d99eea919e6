package nemesis_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "if this is meant, run the test with -update")
}

// speech is a plan with everything in it.
const speech = `# every kind of step
at 5s   for 3s  partition leader | rest
at 12s  for 2s  pause one
at 12s500ms     kill leader                      # until the end

at 14s  for 1s  kill minority
at 14s  for 1s  kill several staggered
at 14s  for 3s  pause n1 n2 staggered 1s 2s500ms
at 14s every 2s±1s for 500ms kill several
maybe at 14s every 2s+-1s until 20s for 500ms cut several > rest
at 14s every 1s restart one
at 15s for 1s   power-failure all
at 15s for 1s   power-failure majority keep nothing
at 15s for 1s   power-failure n1 n2 keep names
at 15s for 1s   power-failure leader keep some
at 15s for 1s   power-failure leader rest keep some 4711 staggered
at 15s for 1s   power-failure n1 n2 keep some 4711 staggered 1s 2s
at 15s for 1s   power-failure several staggered
at 15s for 1s   power-failure leader quiet
at 15s for 1s   power-failure n1 n2 keep some quiet staggered 1s 2s
at 15s for 1s   slow-sync leader 200ms±100ms wal
at 15s for 1s   slow-sync n1 n2 200ms
at 15s for 1s   fail-sync one follower snapshot
at 15s for 1s   fail-write all "*.log"
at 15s          full minority
at 15s for 1s   short-write rest "member/wal/[a-f]?"
at 15s for 1s   lost-write n3 "LOCK"
at 15s for 1s   bit-rot one
at 15s for 1s   bit-rot n1 n2 flip
at 15s for 1s   bit-rot follower wal
at 15s for 1s   bit-rot follower truncate "*.db" 17
at 15s for 1s   bit-rot follower 17
on assertion "a b" for 1s lost-write it "c"
at 15s for 1s   clock leader +1h
at 15s for 1s   clock n1 n2 -30s
at 15s for 1s   clock all drift 200ppm
at 15s for 1s   clock all drift -0.5ppm
at 15s for 1s   clock one strobe ±5s every 200ms
at 15s for 1s   clock one strobe +-5s every 200ms
at 15s for 1s   slow leader 5%
at 15s for 1s   slow leader 100%
at 15s for 1s   starve one 64MB
at 15s for 1s   starve one 1500KB
at 15s for 1s   starve one 110%
at 15s for 1s   freeze leader rest
at 15s          deaf minority
at 15s          restart one
at 16s  for 4s  restart-storm one every 300ms
at 16s          rolling-restart every 500ms
at 16s          rolling-restart followers every 500ms
at 17s          defragment leader
at 17s          compact one
at 17s          snapshot-save all
at 18s          move-leader
at 18s          move-leader to n3
at 19s for 3s   remove follower
at 19s          replace leader
at 19s for 3s   failpoint raftBeforeSave panic at leader
at 19s for 3s   failpoint etcdserver/raftBeforeSave sleep(1500ms) at n1 n2
at 20s  for 4s  delay append 80ms±40ms leader > *
at 20s  for 4s  delay append 80ms+-40ms leader>*
at 20s  for 4s  delay 1m 20% n1 n2 <> n3
at 22s  for 2s  drop vote 50% * > n3
at 22s  for 2s  drop 30% leader > rest
at 22s  for 2s  drop vote * > n3
at 22s  for 2s  duplicate append 100% * > *
at 22s  for 2s  reorder append 12.5% first 10 leader > *
at 22s  for 2s  hold vote-response * > n1
at 22s  for 2s  hold vote-response first 2 * > n1
at 22s  for 2s  hold leader > followers
at 22s  for 2s  throttle 10KB/s leader > *
at 22s  for 2s  throttle 1500B/s leader > *
at 25s          reset * > *
at 25s  for 1s  refuse n1 > n2
at 26s  for 2s  cut n1 > n2
at 30s  for 3s  partition halves
at 30s  for 3s  partition majority|minority
at 30s  for 3s  partition ring
at 30s  for 3s  partition ring n3 n1 n2 n5 n4
at 30s  for 3s  partition bridge
at 30s  for 3s  partition bridge leader
at 30s  for 3s  isolate one
maybe at 1m30s for 1h cut voter > candidate
on vote-granted by n3             for 1s kill n3
on candidate any   after 20ms     for 1s isolate candidate
on leader                         for 2s pause leader
maybe on commit by n1 leader from 5s until 9s times 3 after 1ms for 2s kill it
on append for 2s times 2 after 1ms from 5s by followers kill it
`

func TestPlanRoundTrip(t *testing.T) {
	plan, err := nemesis.Parse("speech", speech)
	require.NoError(t, err)
	require.NoError(t, plan.Validate(nemesis.Setting{Nodes: members(5)}))
	golden(t, "speech.txt", plan.String())

	again, err := nemesis.Parse("again", plan.String())
	require.NoError(t, err)
	require.Equal(t, 2, plan.Steps[0].Line, "the comment is line 1")
	for i := range plan.Steps {
		require.Equal(t, i+1, again.Steps[i].Line)
		plan.Steps[i].Line, again.Steps[i].Line = 0, 0
	}
	require.Equal(t, plan, again)
	for _, s := range plan.Steps {
		one, err := nemesis.ParseStep(s.String())
		require.NoError(t, err)
		require.Equal(t, s, one)
		f, err := nemesis.ParseFault(s.Fault.String())
		require.NoError(t, err)
		require.Equal(t, s.Fault, f)
	}
}

func TestParseMeaning(t *testing.T) {
	tests := map[string]nemesis.Step{
		"at 12s500ms kill leader": {At: 12500 * time.Millisecond, Fault: nemesis.Kill{Who: "leader"}},
		"maybe at 1s for 2s drop vote 50% * > n3": {At: time.Second, For: 2 * time.Second, Optional: true,
			Fault: nemesis.Traffic{Action: "drop", Class: "vote", Percent: 50, From: "*", To: "n3"}},
		"on candidate any after 20ms for 1s isolate candidate": {For: time.Second,
			Trigger: nemesis.Trigger{On: "candidate", After: 20 * time.Millisecond}, Fault: nemesis.Isolate{Who: "candidate"}},
		"on vote-granted by n3 n4 from 1s times 2 kill n3": {
			Trigger: nemesis.Trigger{On: "vote-granted", By: "n3 n4", From: time.Second, Times: 2}, Fault: nemesis.Kill{Who: "n3"}},
	}
	for text, want := range tests {
		got, err := nemesis.ParseStep(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

// Every error names file and line, what is wrong and what would be right.
func TestParseErrors(t *testing.T) {
	bad, err := os.ReadFile("testdata/bad.plan")
	require.NoError(t, err)
	_, err = nemesis.Parse("bad.plan", string(bad))
	require.Error(t, err)
	golden(t, "bad.errors", err.Error()+"\n")

	wrong := 0
	for line := range strings.Lines(string(bad)) {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
			wrong++
		}
	}
	require.Len(t, strings.Split(err.Error(), "\n"), wrong, "each line of bad.plan is wrong in one way")
}

func TestValidateNamesTheStep(t *testing.T) {
	plan, err := nemesis.Parse("p", "at 1s restart n1\nat 1s restart n7\nat 1s for 1s partition ring\non leader by n9 restart it\nat 1s for 1s partition bridge\nat 2s for 1s partition ring n1 n2 n3 n4")
	require.NoError(t, err)
	require.EqualError(t, plan.Validate(nemesis.Setting{Nodes: members(3)}), `step 2, in line 2: unknown member "n7": the members are n1, n2, n3
step 3, in line 3: partition ring needs 4 members, there are 3
step 4, in line 4: unknown member "n9": the members are n1, n2, n3
step 6, in line 6: unknown member "n4": the members are n1, n2, n3`)
	require.Error(t, nemesis.Plan{Steps: []nemesis.Step{{}}}.Validate(nemesis.Setting{}))
}

func TestCatalog(t *testing.T) {
	for _, e := range nemesis.Catalog() {
		t.Run(e.Name, func(t *testing.T) {
			step, err := nemesis.ParseStep(e.Example)
			require.NoError(t, err)
			require.Equal(t, e.Example, step.String())
			require.True(t, strings.HasPrefix(step.Fault.String()+" ", e.Name+" "))
			require.NotEmpty(t, e.Short)
		})
	}
	for _, trigger := range nemesis.Triggers() {
		_, err := nemesis.ParseStep("on " + trigger.Name + " restart it")
		require.NoError(t, err)
	}
	for _, w := range nemesis.Words() {
		_, err := nemesis.ParseStep("on leader for 1s cut " + w.Name + " > n1")
		require.NoError(t, err)
	}
}

// Whatever parses prints as text that parses to the same.
func FuzzParse(f *testing.F) {
	for line := range strings.Lines(speech) {
		f.Add(line)
	}
	f.Add(speech)
	f.Fuzz(func(t *testing.T, text string) {
		plan, err := nemesis.Parse("fuzz", text)
		if err != nil {
			return
		}
		printed := plan.String()
		again, err := nemesis.Parse("again", printed)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, printed, err)
		}
		if again.String() != printed {
			t.Fatalf("%q prints as %q, then as %q", text, printed, again.String())
		}
	})
}

func TestPlanEnd(t *testing.T) {
	plan, err := nemesis.Parse("p", "at 5s for 3s kill one\nat 9s restart one\non leader from 1s until 2s after 50ms for 8s pause it\n")
	require.NoError(t, err)
	require.Equal(t, 10*time.Second+50*time.Millisecond, plan.End())
	require.Zero(t, nemesis.Plan{}.End())
}
