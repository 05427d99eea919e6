package nemesis_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/nemesis"
)

// Faults of disks and machines are told apart, and those after which a member may have
// lost what it synced.
func TestKindsOfFaults(t *testing.T) {
	for _, tt := range []struct {
		fault                 string
		power, files, machine bool
	}{
		{fault: "kill n1"},
		{fault: "power-failure n1 staggered", power: true},
		{fault: "slow-sync n1 5ms", files: true},
		{fault: "full n1", files: true},
		{fault: "fail-write n1", files: true},
		{fault: "fail-sync n1 wal", files: true},
		{fault: "short-write n1", files: true},
		{fault: "lost-write n1", files: true},
		{fault: "bit-rot n1", files: true},
		{fault: "clock n1 drift 5ppm", machine: true},
		{fault: "slow n1 5%", machine: true},
		{fault: "deaf n1", machine: true},
	} {
		f, err := nemesis.ParseFault(tt.fault)
		require.NoError(t, err)
		got := []bool{nemesis.OnPower(f), nemesis.OnFiles(f), nemesis.OnMachine(f)}
		require.Equal(t, []bool{tt.power, tt.files, tt.machine}, got, tt.fault)
	}
}

// What a disk or a machine cannot do is refused before the run, with the reason.
func TestMediaThatCannot(t *testing.T) {
	offer := &nemesis.Offer{System: "abc", Files: []string{"wal", "db"}, Unable: map[string]string{
		"full": "use --disk fuse", "clock": "no root", "bit-rot": "no disk", "deaf": "no netlink",
	}}
	unnamed := &nemesis.Offer{System: "abc"}
	below := &nemesis.Offer{System: "abc", Files: []string{"wal"}, Below: true}
	for _, tt := range []struct {
		offer *nemesis.Offer
		fault string
		want  string // "" for a fault that is possible
	}{
		{offer, "slow-sync n1 5ms wal", ""},
		{offer, `slow-sync n1 5ms "*.log"`, ""},
		{offer, "slow-sync n1 5ms", ""},
		{offer, "slow-sync n1 5ms wall", `unknown class of files "wall" (did you mean wal?): those of abc are wal, db`},
		{unnamed, "slow-sync n1 5ms wal", "abc names no classes of files: write a pattern"},
		{below, "slow-sync n1 5ms", ""},
		{below, "bit-rot n1 wal", ""},
		{below, "fail-sync n1 wal", `fail-sync wal: the disks of abc fail below their file systems, which know nothing of files: leave "wal" out, or use --disk fuse`},
		{below, `slow-sync n1 5ms "*.log"`, "use --disk fuse"},
		{offer, "full n1", "full: use --disk fuse"},
		{offer, "clock n1 +1h", "clock: no root"},
		{offer, "slow n1 5%", ""},
		{offer, "bit-rot n1", "bit-rot: no disk"},
		{offer, "deaf n1", "deaf: no netlink"},
	} {
		_, err := nemesis.ParseFor("p", "maybe at 1s for 1s "+tt.fault, nemesis.Setting{Nodes: members(3), System: tt.offer})
		if tt.want == "" {
			require.NoError(t, err, tt.fault)
		} else {
			require.ErrorContains(t, err, tt.want)
		}
	}
	for _, fault := range []string{"slow-sync n1 5ms", "bit-rot n1", "clock n1 +1h", "deaf n1"} {
		p := play(t, "at 1s for 1s "+fault, func(f *fake, o *nemesis.Options) func(func()) {
			o.System = struct{ nemesis.System }{f}
			return nil
		})
		require.Contains(t, p.lines()[1], "the system does not offer this")
	}
}

// A file fault of which a process ends, or memory that does not do, ends with a start; a
// file that cannot be damaged leaves the member running.
func TestProcessesThatEndOfAFault(t *testing.T) {
	dying := func(f *fake, _ *nemesis.Options) func(func()) { f.deadly = true; return nil }
	for _, fault := range []string{"full n1", "starve n1 64MB"} {
		p := play(t, "at 1s for 1s "+fault, dying)
		require.NoError(t, p.err)
		require.Equal(t, "2s start n1", p.calls[len(p.calls)-1])
		require.Equal(t, int64(1), p.report.Ends[0].Evidence[nemesis.PidsGone])
	}
	p := play(t, "at 1s for 2s full n1\nat 2s for 2s kill n1", dying)
	require.NoError(t, p.err)
	require.Equal(t, "4s start n1", p.calls[len(p.calls)-1], "by the kill, since it was down")
	require.Zero(t, p.report.Ends[0].Evidence[nemesis.PidsGone], "it was the kill")
	p = play(t, "at 1s for 1s full n1", func(f *fake, _ *nemesis.Options) func(func()) { f.deadly, f.idle = true, true; return nil })
	require.NoError(t, p.err)
	require.Equal(t, "2s start n1", p.calls[len(p.calls)-1])
	require.Equal(t, "1 heal bit=false", p.lines()[1], "nothing was refused, so it ended of something else")

	p = play(t, "at 1s for 2s bit-rot n1 n2 flip", func(f *fake, _ *nemesis.Options) func(func()) {
		f.refuse["rot n1"] = nemesis.ErrUnsupported
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{"1s kill n1", "1s rot n1", "1s start n1", "1s kill n2", "1s rot n2", "3s start n2"}, p.calls[1:])
	require.Regexp(t, `^1 inject: at 1s for 2s bit-rot n1 n2 flip \d+$`, p.lines()[0])
}

// media offers everything that disks and machines can do.
func media(n int) nemesis.GenerateOptions {
	o := generating(n)
	o.Keeps = []string{nemesis.KeepNothing, nemesis.KeepNames, nemesis.KeepSome}
	o.Storage, o.Files = []string{"slow-sync", "full", "bit-rot", "fail-sync", "fail-write", "lost-write", "short-write"}, []string{"wal", "snapshot"}
	o.Machine = []string{"clock", "slow", "starve", "freeze", "deaf"}
	return o
}

// A random plan has of disks and machines what it is offered and nothing else, is sound,
// and says of each power failure what is kept.
func TestGenerateForMedia(t *testing.T) {
	offers := map[string]func(*nemesis.GenerateOptions){
		"nothing": func(o *nemesis.GenerateOptions) { *o = generating(len(o.Nodes)) },
		"all":     func(*nemesis.GenerateOptions) {},
		"power": func(o *nemesis.GenerateOptions) {
			o.Storage, o.Machine, o.Keeps = nil, nil, o.Keeps[:2]
		},
		"files": func(o *nemesis.GenerateOptions) { o.Keeps, o.Storage, o.Machine = nil, o.Storage[:2], nil },
		"rot":   func(o *nemesis.GenerateOptions) { o.Keeps, o.Storage, o.Machine = nil, o.Storage[:3], nil },
		"below": func(o *nemesis.GenerateOptions) {
			o.Keeps, o.Machine, o.Below = nil, nil, true
			o.Storage = []string{"slow-sync", "bit-rot", "fail-sync", "fail-write"}
		},
		"machine": func(o *nemesis.GenerateOptions) { o.Keeps, o.Storage, o.Machine = nil, nil, o.Machine[:2] },
	}
	want := map[string][]string{
		"all":     {"bit-rot", "clock", "deaf", "fail-sync", "fail-write", "freeze", "full", "lost-write", "power-failure", "short-write", "slow", "slow-sync", "starve"},
		"power":   {"power-failure"},
		"files":   {"full", "slow-sync"},
		"rot":     {"bit-rot", "full", "slow-sync"},
		"below":   {"bit-rot", "fail-sync", "fail-write", "slow-sync"},
		"machine": {"clock", "slow"},
	}
	for name, offer := range offers {
		seen, kept := make(map[string]bool), make(map[string]int)
		for seed := range uint64(200) {
			o := media(1 + int(seed%6))
			offer(&o)
			plan := nemesis.Generate(seed, o)
			require.NoError(t, plan.Validate(nemesis.Setting{Nodes: o.Nodes}), "seed %d:\n%s", seed, plan)
			again, err := nemesis.Parse("again", plan.String())
			require.NoError(t, err)
			require.Equal(t, plan.String(), again.String())
			for _, s := range plan.Steps {
				require.LessOrEqual(t, max(s.At, s.Repeat.Until, s.Trigger.Until+s.Trigger.After)+s.For, o.Duration*85/100)
				if f, ok := s.Fault.(nemesis.FileFault); ok && o.Below {
					require.Empty(t, f.Files, s)
				}
				if word, _, _ := strings.Cut(s.Fault.String(), " "); nemesis.OnPower(s.Fault) || nemesis.OnFiles(s.Fault) || nemesis.OnMachine(s.Fault) {
					seen[word] = true
					require.True(t, s.Optional || word == "power-failure", s)
				}
				if _, keep, ok := strings.Cut(s.Fault.String(), " keep "); nemesis.OnPower(s.Fault) {
					require.True(t, ok, s)
					kept[strings.Fields(keep)[0]]++
				}
			}
			require.Equal(t, plan.String(), nemesis.Generate(seed, o).String())
			for _, s := range plan.Steps {
				dark := func(p nemesis.Step) bool { return nemesis.OnPower(p.Fault) && p.At >= s.At && p.At <= s.At+s.For }
				if nemesis.OnTraffic(s.Fault) && slices.ContainsFunc(plan.Steps, dark) {
					require.True(t, s.Optional, "%s: the power may be gone", s)
				}
			}
		}
		require.Equal(t, want[name], slices.Sorted(maps.Keys(seen)), name)
		for _, keep := range media(3).Keeps[:2] {
			if len(kept) > 0 {
				require.Greater(t, 7*kept[keep], kept[nemesis.KeepNothing]+kept[nemesis.KeepNames], "%v", kept)
			}
		}
	}
}

// Every plan with power fails it early, most of those about power again and again.
func TestGeneratePowerEarly(t *testing.T) {
	for seed := range uint64(100) {
		o := media(3)
		o.Storage, o.Machine, o.Duration = nil, nil, 20*time.Second
		first, failures, kills := o.Duration, 0, 0
		if seed%2 == 0 {
			o.Themes = []string{"power-loss"}
		}
		for _, s := range nemesis.Generate(seed, o).Steps {
			if nemesis.OnPower(s.Fault) {
				first = min(first, max(s.At, s.Trigger.From))
				failures++
			} else if strings.Contains(s.Fault.String(), "restart") || strings.HasPrefix(s.Fault.String(), "kill") {
				kills++
			}
		}
		require.Less(t, first, 5*time.Second, "seed %d", seed)
		require.Greater(t, failures, 1)
		if len(o.Themes) > 0 {
			require.Greater(t, 2*failures, kills, "seed %d", seed)
		}
	}
}

// Where disks keep a part of what was under way the power goes in the midst of it again and
// again, most times with a part kept; where they do not, plans know nothing of that.
func TestGenerateTorn(t *testing.T) {
	all := make(map[string]int)
	for seed := range uint64(60) {
		o := media(5)
		o.Storage, o.Machine, o.Keeps, o.Duration = nil, nil, []string{nemesis.KeepNothing, nemesis.KeepSome}, 30*time.Second
		kept := make(map[string]int)
		for _, s := range nemesis.Generate(seed, o).Steps {
			if _, keep, ok := strings.Cut(s.Fault.String(), " keep "); ok {
				kept[strings.Fields(keep)[0]]++
			}
		}
		require.Greater(t, kept[nemesis.KeepSome], 6, "seed %d", seed)
		require.NotZero(t, kept[nemesis.KeepNothing])
		for keep, n := range kept {
			all[keep] += n
		}
	}
	require.Greater(t, 2*all[nemesis.KeepSome], 3*all[nemesis.KeepNothing])
}

// What the machine may do without being named comes seldom, not before the power has failed,
// and changes nothing of a plan that does not have it.
func TestMachineBesideOthers(t *testing.T) {
	all, beside := 0, 0
	for seed := range uint64(60) {
		o := generating(5)
		o.Keeps = []string{nemesis.KeepNothing, nemesis.KeepNames}
		o.Beside = []string{"slow", "freeze", "clock", "deaf"}
		plan := nemesis.Generate(seed, o)
		require.NotContains(t, plan.Themes, "slow-machines")
		dark := time.Duration(-1)
		for _, s := range plan.Steps {
			at := max(s.At, s.Trigger.From)
			if nemesis.OnPower(s.Fault) && dark < 0 {
				dark = at
			}
			all++
			if nemesis.OnMachine(s.Fault) {
				beside++
				require.NotContains(t, s.Fault.String(), "starve")
				require.True(t, dark >= 0 && dark <= at, "seed %d: %s before the power failed:\n%s", seed, s, plan)
			}
		}
	}
	require.Positive(t, beside)
	require.Less(t, 6*beside, all, "%d of %d steps", beside, all)
}

// What takes from members what they synced, without a word, is of a minority of them.
func TestGenerateSparesAMajority(t *testing.T) {
	for seed := range uint64(100) {
		o := media(1 + int(seed%7))
		hit := make(map[string]bool)
		for _, s := range nemesis.Generate(seed, o).Steps {
			for _, silent := range []string{"bit-rot ", "lost-write "} {
				if rest, ok := strings.CutPrefix(s.Fault.String(), silent); ok {
					hit[strings.Fields(rest)[0]] = true
				}
			}
		}
		require.LessOrEqual(t, len(hit), max(1, (len(o.Nodes)-1)/2), "seed %d", seed)
		require.Subset(t, o.Nodes, slices.Collect(maps.Keys(hit)))
	}
}

// What somebody named comes in every plan, early, and power fails twice where it can, or else a
// file fails, however slow elections are.
func TestGenerateWhatIsNamed(t *testing.T) {
	offered := media(1)
	all := slices.Concat(offered.Storage, offered.Machine)
	rapid.Check(t, func(t *rapid.T) {
		o := media(rapid.IntRange(1, 7).Draw(t, "members"))
		o.Election = time.Duration(rapid.IntRange(50, 2000).Draw(t, "T")) * time.Millisecond
		o.Duration = time.Duration(rapid.IntRange(15, 60).Draw(t, "length")) * time.Second
		o.Density = rapid.SampledFrom([]float64{0.5, 1, 3}).Draw(t, "density")
		o.Operator = rapid.Bool().Draw(t, "operator")
		if !rapid.Bool().Draw(t, "decoded") {
			o.Classes, o.Events = nil, []string{}
		}
		o.Keeps = [][]string{nil, {nemesis.KeepNothing, nemesis.KeepNames}, {nemesis.KeepNothing, nemesis.KeepSome}}[rapid.IntRange(0, 2).Draw(t, "keeps")]
		o.Named = rapid.SliceOfDistinct(rapid.SampledFrom(all), rapid.ID[string]).Draw(t, "named")
		seed := rapid.Uint64().Draw(t, "seed")

		plan := nemesis.Generate(seed, o)
		require.Equal(t, plan.String(), nemesis.Generate(seed, o).String())
		first, dark := make(map[string]time.Duration), 0
		for _, s := range plan.Steps {
			at := max(s.At, s.Trigger.From)
			end := max(s.At, s.Repeat.Until, s.Trigger.Until+s.Trigger.After) + s.For
			require.LessOrEqual(t, end, o.Duration*85/100, "%s", s)
			word, who, _ := strings.Cut(s.Fault.String(), " ")
			if old, ok := first[word]; !ok || at < old {
				first[word] = at
			}
			if who, _, _ = strings.Cut(who, " "); word == "power-failure" && (who == "all" || who == "majority") {
				dark++
			}
		}
		for _, name := range o.Named {
			require.Contains(t, first, name, "%s", plan)
			if len(o.Named) == 1 {
				require.Less(t, first[name], o.Duration/2, "%s", plan)
			}
		}
		if len(o.Keeps) > 0 {
			require.GreaterOrEqual(t, dark, 2, "%s", plan)
		} else {
			require.True(t, slices.ContainsFunc(plan.Steps, func(s nemesis.Step) bool { return nemesis.OnFiles(s.Fault) }), "%s", plan)
		}
	})
}

// Power failures come on top of the scenes that plans begin with, and some of them where a log
// gives way to a snapshot.
func TestGenerateDarkAmongOthers(t *testing.T) {
	answers, snapshots := 0, 0
	for seed := range uint64(100) {
		o := generating(5)
		o.Duration, o.Keeps = 30*time.Second, []string{nemesis.KeepNothing, nemesis.KeepNames}
		plan := nemesis.Generate(seed, o).String()
		if regexp.MustCompile(`delay heartbeat-response \S+ \* > leader`).MatchString(plan) {
			answers++
		}
		if regexp.MustCompile(`on snapshot .* power-failure all`).MatchString(plan) {
			snapshots++
		}
	}
	require.Greater(t, answers, 40)
	require.Greater(t, snapshots, 80)
}

// Whoever stood still, or has a wrong clock, may lead in his own eyes: nobody tells him otherwise.
// Other scenes go on under wrong clocks. Where syncs are slow and power can fail it does.
func TestGenerateUnderMedia(t *testing.T) {
	unheard, under, midst := 0, 0, 0
	for seed := range uint64(60) {
		o := media(5)
		o.Duration, o.Keeps = 30*time.Second, []string{nemesis.KeepNothing, nemesis.KeepSome}
		o.Storage, o.Machine, o.Named = []string{"slow-sync"}, []string{"clock", "freeze"}, []string{"clock", "freeze"}
		steps := nemesis.Generate(seed, o).Steps
		for i, s := range steps {
			f := s.Fault.String()
			if i > 0 && f == "isolate same" && steps[i-1].Fault.String() == "freeze leader" {
				require.Greater(t, s.For, steps[i-1].For)
				unheard++
			}
			for _, other := range steps {
				if at := max(other.At, other.Trigger.From); at <= s.At || at >= s.At+s.For {
					continue
				}
				if strings.HasPrefix(f, "clock ") {
					under++
				}
				if strings.HasPrefix(f, "slow-sync ") && nemesis.OnPower(other.Fault) {
					midst++
				}
			}
		}
	}
	require.Greater(t, unheard, 10)
	require.Greater(t, under, 60*5)
	require.Greater(t, midst, 30)
}
