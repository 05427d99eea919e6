package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/text"
)

// FileFault makes operations on files of members slow, fail, do less than they say, or lie;
// or, where disks fail below their file systems, all that these ask of a disk. It outlasts
// processes: whoever is killed meanwhile comes back to it.
//
//	at 5s for 2s  slow-sync leader 200ms±100ms wal
//	at 9s for 1s  full minority
type FileFault struct {
	Action        string // slow-sync fail-sync fail-write full short-write lost-write
	Who           Target
	Delay, Jitter time.Duration // slow-sync; 0 <= Jitter <= Delay
	Files         string        // as in FileRule
}

// OnFiles tells whether a fault is one of files, or of the disk that they lie on.
func OnFiles(f Fault) bool {
	switch f.(type) {
	case FileFault, BitRot:
		return true
	}
	return false
}

// String is "slow-sync leader 200ms±100ms wal".
func (f FileFault) String() string {
	words := []string{f.Action, string(f.Who)}
	if f.Action == "slow-sync" {
		d := formatTime(f.Delay)
		if f.Jitter > 0 {
			d += "±" + formatTime(f.Jitter)
		}
		words = append(words, d)
	}
	return strings.Join(append(words, formatFiles(f.Files)...), " ")
}

// Span is Open.
func (f FileFault) Span() Span { return Open }

// Check checks the times, the target, and whether the disks can do this.
func (f FileFault) Check(s Setting) error {
	switch {
	case f.Action == "slow-sync" && f.Delay <= 0:
		return fmt.Errorf("slow-sync needs a time: for example %s", exampleOf(f.Action))
	case f.Action != "slow-sync" && (f.Delay != 0 || f.Jitter != 0):
		return fmt.Errorf("%s takes no time: only slow-sync does", f.Action)
	case f.Jitter < 0 || f.Jitter > f.Delay:
		return fmt.Errorf("a jitter of %s is more than the %s that a sync takes longer", formatTime(f.Jitter), formatTime(f.Delay))
	}
	if err := s.System.able(f.Action); err != nil {
		return err
	}
	if f.Files != "" && s.System != nil && s.System.Below {
		return fmt.Errorf("%s %s: the disks of %s fail below their file systems, which know nothing of files: leave %q out, or use --disk fuse", f.Action, f.Files, s.System.System, f.Files)
	}
	return errors.Join(checkFiles(f.Files, s.System), checkAll(s, f.Who))
}

// Resolve names the targets; one of them at least must be running.
func (f FileFault) Resolve(s *Scene) (Fault, error) {
	var err error
	f.Who, err = resolveRunning(s, f.Who)
	return f, err
}

// Inject puts the rule in force at each. A member that ended of it is started again when
// it heals.
func (f FileFault) Inject(ctx context.Context, env *Env) (Injected, error) {
	rule := FileRule{Action: f.Action, Files: f.Files, Delay: f.Delay, Jitter: f.Jitter}
	return inForce(f.Who.words(), func(n string) (*Installed, error) { return env.Meddle(ctx, n, rule) })
}

// inForce puts something in force at each of the members and keeps it until it is healed.
func inForce(nodes []string, put func(node string) (*Installed, error)) (Injected, error) {
	var left []*Installed
	var errs []error
	for _, n := range nodes {
		in, err := put(n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		left = append(left, in)
	}
	err := errors.Join(errs...)
	if len(left) == 0 {
		return Injected{}, err
	}
	sum := Evidence{}
	heal := func(ctx context.Context) (Evidence, error) {
		var errs []error
		left = slices.DeleteFunc(left, func(in *Installed) bool {
			evidence, err := in.Remove(ctx)
			sum.add(evidence)
			errs = append(errs, err)
			return err == nil
		})
		return maps.Clone(sum), errors.Join(errs...)
	}
	return Injected{Heal: heal, Note: note(err)}, nil
}

// add adds the counts of another.
func (e Evidence) add(other Evidence) {
	for name, n := range other {
		e[name] += n
	}
}

// BitRot kills members and damages a file of each, as a medium does that grows old. They
// are started again when it heals.
//
//	at 5s for 1s  bit-rot follower flip wal
type BitRot struct {
	Who Target
	FileRot
}

// rots lists the ways in which files rot.
func rots() []string { return []string{"flip", "truncate", "zero"} }

// String is "bit-rot follower flip wal 17".
func (f BitRot) String() string {
	words := []string{"bit-rot", string(f.Who)}
	if f.How != "" {
		words = append(words, f.How)
	}
	words = append(words, formatFiles(f.Files)...)
	if f.Seed != 0 {
		words = append(words, strconv.FormatUint(f.Seed, 10))
	}
	return strings.Join(words, " ")
}

// Span is Open.
func (f BitRot) Span() Span { return Open }

// Check checks the target, and whether files can be damaged.
func (f BitRot) Check(s Setting) error {
	if f.How != "" && !slices.Contains(rots(), f.How) {
		return fmt.Errorf("bit-rot %s: files rot by one of %s", f.How, strings.Join(rots(), ", "))
	}
	if err := s.System.able("bit-rot"); err != nil {
		return err
	}
	return errors.Join(checkFiles(f.Files, s.System), checkAll(s, f.Who))
}

// Resolve names the targets, of which one at least must be running, and draws what is
// not said.
func (f BitRot) Resolve(s *Scene) (Fault, error) {
	var err error
	if f.Who, err = resolveRunning(s, f.Who); err != nil {
		return nil, err
	}
	if f.How == "" {
		f.How = rots()[s.Rand.IntN(len(rots()))]
	}
	if f.Seed == 0 {
		f.Seed = 1 + s.Rand.Uint64N(maxSeed)
	}
	return f, nil
}

// Inject kills those that run and damages a file of each.
func (f BitRot) Inject(ctx context.Context, env *Env) (Injected, error) {
	o := outage{Outage{Evidence: map[string]int64{}}}
	var errs []error
	var notes []string
	for _, n := range f.Who.words() {
		evidence, said, err := env.Rot(ctx, n, f.FileRot)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		o.Down = append(o.Down, n)
		Evidence(o.Evidence).add(evidence)
		notes = append(notes, said)
	}
	err := errors.Join(errs...)
	if len(o.Down) == 0 {
		return Injected{}, err
	}
	k := o.hold(ctx, env, o.Down...)
	return Injected{Heal: o.heal(k, o.Evidence), Note: remarks(append(notes, note(err))...), Found: k.served.String}, nil
}

// Meddle puts a fault of files in force at a member, whether it runs or not.
func (e *Env) Meddle(ctx context.Context, node string, r FileRule) (*Installed, error) {
	storage, ok := e.system.(Storage)
	if !ok {
		return nil, fmt.Errorf("%s: %w", r.Action, ErrUnsupported)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := e.members[node]
	if m == nil {
		return nil, fmt.Errorf("unknown member %q", node)
	}
	applied, err := storage.Meddle(ctx, node, r)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", r.Action, node, err)
	}
	applied = &deadly{revival: revival{env: e, node: node, member: m}, Applied: applied}
	return e.keep(&Installed{what: r.Action + " at " + node, applied: applied, node: node}), nil
}

// deadly is a rule in force of which the member's process may end by itself.
type deadly struct {
	revival
	Applied
	removed  bool
	evidence map[string]int64
}

// Remove takes the rule out, and starts the member if it did not live with it.
func (d *deadly) Remove(ctx context.Context) (map[string]int64, error) {
	if !d.removed {
		evidence, err := d.Applied.Remove(ctx)
		if err != nil {
			return nil, err
		}
		d.removed, d.evidence = true, maps.Clone(evidence)
		gone, down := d.evidence[PidsGone] > 0, d.env.isDown(d.member)
		delete(d.evidence, PidsGone)
		if gone && !down && Evidence(d.evidence).Bit() {
			d.evidence[PidsGone] = 1 // neither another fault took it down, nor did it end of nothing
		}
		if gone && !down {
			d.dies()
		}
	}
	return d.evidence, d.revive(ctx)
}

// Rot kills a member and damages a file of it. If that fails the member is started again.
func (e *Env) Rot(ctx context.Context, node string, r FileRot) (evidence Evidence, said string, err error) {
	storage, ok := e.system.(Storage)
	if !ok {
		return nil, "", fmt.Errorf("bit-rot: %w", ErrUnsupported)
	}
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if e.isDown(m) {
			return fmt.Errorf("%s %w", node, errDown)
		}
		if _, err := e.kill(ctx, node, m); err != nil {
			return err
		}
		done, what, err := storage.Rot(ctx, node, r)
		if err == nil {
			evidence, said = maps.Clone(done), what
			return nil
		}
		err = fmt.Errorf("bit-rot at %s: %w", node, err)
		if failed := e.system.Start(ctx, node); failed != nil {
			return errors.Join(err, fmt.Errorf("start %s: %w", node, failed))
		}
		e.set(func() { m.down = false })
		return err
	})
	return evidence, said, err
}

// fileClass tells whether a word may be a class of files: it is no word for a member.
func fileClass(word string) bool { return className.MatchString(word) && orderOf(word) == unknown }

// isFiles tells whether a word says which files, a class or a pattern in quotes.
func isFiles(word string) bool { return strings.HasPrefix(word, `"`) || fileClass(word) }

// formatFiles is how files are named in a plan, in one word or none.
func formatFiles(files string) []string {
	switch {
	case files == "":
		return nil
	case fileClass(files):
		return []string{files}
	}
	return []string{strconv.Quote(files)}
}

// checkFiles reports files that are no pattern, or no class of files of the system.
func checkFiles(files string, o *Offer) error {
	if _, err := path.Match(files, ""); err != nil {
		return fmt.Errorf("%q is no pattern of files: for example %q", files, "*.log")
	}
	if strings.ContainsAny(files, "#\"") || strings.ContainsFunc(files, func(r rune) bool { return r <= ' ' }) {
		return fmt.Errorf("%q: write ? for a blank, a quote or # in a pattern of files", files)
	}
	switch {
	case o == nil || !fileClass(files) || slices.Contains(o.Files, files):
		return nil
	case len(o.Files) == 0:
		return fmt.Errorf("%q: %s names no classes of files: write a pattern, such as %q, or nothing", files, o.System, "*.log")
	}
	return fmt.Errorf("unknown class of files %q%s: those of %s are %s; others are a pattern, such as %q", files, text.DidYouMean(files, o.Files), o.System, strings.Join(o.Files, ", "), "*.log")
}

// parseFiles reads which files are meant, if that is said.
func parseFiles(name string, who Target, r *reader) (string, error) {
	word := r.peek()
	if who == "" && fileClass(word) {
		return "", fmt.Errorf("%q is no target%s; if it is a class of files, say whose: for example %s", word, text.DidYouMean(word, wordNames()), exampleOf(name))
	}
	if fileClass(word) {
		return r.next(), nil
	}
	return r.quoted("names no files: leave it out for all")
}

func parseFileFault(name string, r *reader) (Fault, error) {
	f := FileFault{Action: name}
	var err error
	if name == "slow-sync" {
		f.Who = r.until(startsAmount)
		if r.peek() == "" {
			return nil, fmt.Errorf("slow-sync needs a time: for example %s", exampleOf(name))
		}
		if f.Delay, f.Jitter, err = r.spread(name); err != nil {
			return nil, err
		}
	} else {
		f.Who = r.until(isFiles)
	}
	f.Files, err = parseFiles(name, f.Who, r)
	return f, err
}

func parseBitRot(name string, r *reader) (Fault, error) {
	isHow := func(word string) bool { return slices.Contains(rots(), word) }
	f := BitRot{Who: r.until(func(word string) bool { return isHow(word) || isFiles(word) || startsNumber(word) })}
	if isHow(r.peek()) {
		f.How = r.next()
	}
	var err error
	if f.Files, err = parseFiles(name, f.Who, r); err != nil || r.peek() == "" {
		return f, err
	}
	f.Seed, err = r.seed()
	return f, err
}

// startsNumber tells whether a word begins with a digit, which no word for a member does.
func startsNumber(word string) bool { return word[0] >= '0' && word[0] <= '9' }

// startsAmount tells whether a word is meant to be a number, so that errors name it.
func startsAmount(word string) bool {
	return startsNumber(word) || strings.ContainsAny(word[:1], "+-") || strings.HasSuffix(word, "%")
}

// rotten damages a file of one of a few, so that the others have what it held.
func rotten(g *generator) {
	rot := FileRot{How: rots()[g.random.IntN(len(rots()))], Files: g.someFiles(), Seed: 1 + g.random.Uint64N(maxSeed)}
	g.rare(0, g.span(0.5, 2), BitRot{Who: g.frail(), FileRot: rot})
	g.recover()
}

// frail draws one of those members that may lose what they synced without a word: always the same
// minority of a plan, as many never serve again.
func (g *generator) frail() Target {
	if g.weak == nil {
		g.weak = slices.Clone(g.Nodes)
		g.media.Shuffle(len(g.weak), func(i, j int) { g.weak[i], g.weak[j] = g.weak[j], g.weak[i] })
		g.weak = g.weak[:max(1, (len(g.weak)-1)/2)]
	}
	return Target(g.weak[g.media.IntN(len(g.weak))])
}

// meddleWith breaks what the disk of one member promises, and kills it then, so that it
// has to read what is there.
func meddleWith(action string) func(*generator) {
	return func(g *generator) {
		length, who := g.span(2, 4), []Target{"leader", "one"}[g.random.IntN(2)]
		if action == "lost-write" {
			who = g.frail()
		}
		g.rare(0, length, FileFault{Action: action, Who: who, Files: g.failing()})
		g.rare(length/2, length/4, Kill{Same})
		g.recover()
	}
}
