package picture

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// sentencesOf takes an explanation apart at what joins its parts, and finds the event
// that each part speaks of. The parts with blanks between them are the explanation.
func sentencesOf(v *checker.Violation) []Sentence {
	var out []Sentence
	var before []string
	for _, part := range parts(brief(v.Text, aText)) {
		words := wordsOf(part)
		said := words
		if strings.HasPrefix(part, "and ") { // what was done has been said before
			said = slices.Concat(before, words)
		}
		out = append(out, Sentence{Text: part, Event: spokenOf(part, words, said, v.Events)})
		before = append(before, words...)
	}
	return out
}

// joints are the words that begin another part of an explanation.
func joints() []string {
	return []string{"but ", "although ", "though ", "without ", "when ", "and came back ", "and as ", "and for ", "and stayed ", "and is there ", "behind ", "from which ", "which ", "not minimal"}
}

// parts cuts a text before joints, and behind colons and semicolons, but not in quotes.
func parts(text string) []string {
	var out []string
	from, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case quoted || text[i] != ' ' || i == 0:
		case strings.IndexByte(":;", text[i-1]) >= 0, strings.HasPrefix(text[i:], " "+jointAt(text[i+1:])) && jointAt(text[i+1:]) != "":
			out = append(out, text[from:i])
			from = i + 1
		}
	}
	return append(out, text[from:])
}

func jointAt(text string) string {
	for _, j := range joints() {
		if strings.HasPrefix(text, j) {
			return j
		}
	}
	return ""
}

// spokenOf returns the index of the event that a part of an explanation speaks of, in
// which these words are, and what was done is in those that are said; -1 if it is none,
// or several may be meant.
func spokenOf(part string, words, said []string, events []history.Event) int {
	for _, several := range []string{"twice", "two", "both", "these"} {
		if slices.Contains(words, several) {
			return -1
		}
	}
	best, at := 0, -1
	for i := range events {
		switch score := likeness(part, words, said, &events[i]); {
		case score > best:
			best, at = score, i
		case score == best:
			at = -1
		}
	}
	return at
}

// wordsOf returns the words of a part, outside of what is quoted.
func wordsOf(part string) []string {
	return regexp.MustCompile(`[\pL\pN_-]+`).FindAllString(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(part, " "), -1)
}

// likeness is how much of what an event tells a part names: what was done counts most,
// then by whom. Nothing counts without what was done, but for its time.
func likeness(part string, words, said []string, e *history.Event) int {
	if strings.Contains(" "+part+" ", " "+seconds(e.At)) {
		return 10
	}
	deeds := verbs(e)
	if !slices.ContainsFunc(said, func(w string) bool { return slices.Contains(deeds, w) }) {
		return 0
	}
	score := 2
	switch {
	case e.Op != nil:
		if named(part, e.Op) {
			score += 2
		}
		if e.Op.Type != history.Invoke {
			score++
		}
	case e.Raft != nil:
		if slices.Contains(words, e.Raft.Node) {
			score += 2
		}
		if e.Raft.Peer != "" && e.Raft.Peer != e.Raft.Node && slices.Contains(words, e.Raft.Peer) {
			score++
		}
		if n := slices.Index(words, "term"); n >= 0 && n+1 < len(words) && words[n+1] == strconv.FormatUint(e.Raft.Term, 10) {
			score++
		}
		if r := e.Raft; r.EntryTerm > 0 && strings.Contains(part, "("+strconv.FormatUint(r.EntryTerm, 10)+",") {
			score++
		}
	default:
		if member := laneOf(e); member == "" || slices.Contains(words, member) {
			score += 2
		}
	}
	return score
}

// named tells whether a part quotes a value that the operation is about.
func named(part string, op *history.Op) bool {
	quotes := func(v string) bool { return v != "" && len(v) < aLine && strings.Contains(part, strconv.Quote(v)) }
	if op.F == history.FGet {
		return quotes(op.Got)
	}
	return quotes(op.Arg) || slices.ContainsFunc(op.List, quotes)
}

// verbs are the words by which explanations call what an event tells.
func verbs(e *history.Event) []string {
	switch {
	case e.Op != nil && (e.Op.F == history.FGet || e.Op.F == history.FRead):
		if e.Op.Type == history.OK {
			return []string{"read", "reads", "saw", "show", "there", "observed"}
		}
	case e.Op != nil && e.Op.Type == history.Fail:
		return []string{"failed", "refused"}
	case e.Op != nil && e.Op.F != history.FTxn:
		return []string{"write", "written", "wrote", "put", "added", "adding", "acknowledged", "appended", "appending"}
	case e.Run != nil && e.Run.What == history.RunLog:
		return []string{"logged"}
	case e.Run != nil && e.Run.Phase != "":
		return []string{e.Run.Phase}
	case e.Proc != nil:
		return map[history.ProcWhat][]string{
			history.ProcStart: {"started", "starts"}, history.ProcExit: {"ended", "exited", "ends", "exits"}, history.ProcReady: {"ready"},
		}[e.Proc.What]
	case e.Raft != nil:
		return deedWords(e.Raft.What)
	}
	return nil
}

func deedWords(what history.RaftWhat) []string {
	switch what {
	case history.RaftStart:
		return []string{"restart", "restarted", "came", "comes"}
	case history.RaftCandidate:
		return []string{"stood", "stands", "candidate"}
	case history.RaftVote:
		return []string{"vote", "voted", "votes", "refused", "answered"}
	case history.RaftPreVote:
		return []string{"pre-vote", "pre-votes"}
	case history.RaftLeader:
		return []string{"won", "leads", "led"}
	case history.RaftAppend:
		return []string{"took", "taken", "appended"}
	case history.RaftTruncate, history.RaftInstall:
		return []string{"removed", "replaced"}
	case history.RaftCommit:
		return []string{"commit", "committed", "commits"}
	}
	return nil
}
