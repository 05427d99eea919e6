package verdict

import (
	"fmt"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// describeRaft says what a member did. A tap's word is marked as such.
func describeRaft(r *history.Raft) string {
	if r.What == history.RaftMessage {
		return passed(r)
	}
	text := r.Node + " " + raftDeed(r)
	if r.Node == "" {
		text = raftDeed(r)
	}
	if r.Source == history.Tap {
		text += " [on the wire"
		if r.Stage != "" {
			text += ", " + string(r.Stage)
		}
		text += "]"
	}
	return text
}

func raftDeed(r *history.Raft) string {
	switch r.What {
	case history.RaftStart:
		return started(r)
	case history.RaftFollower:
		if r.Peer == "" {
			return fmt.Sprintf("is a follower in %s and knows no leader", termOf(r, r.Term))
		}
		return fmt.Sprintf("follows %s in %s", r.Peer, termOf(r, r.Term))
	case history.RaftCandidate:
		return fmt.Sprintf("stands in %s with its log ending at %s%s", termOf(r, r.Term), Place(r.Last), heard(r))
	case history.RaftVote, history.RaftPreVote:
		return voted(r)
	case history.RaftLeader:
		return fmt.Sprintf("leads %s with its log ending at %s", termOf(r, r.Term), Place(r.Last))
	case history.RaftAppend:
		return appended(r)
	case history.RaftTruncate:
		return fmt.Sprintf("removes its entries from %d on, for %s, leader of term %d", r.Index, OrElse(r.Peer, "nobody"), r.Term)
	case history.RaftAck:
		return fmt.Sprintf("acknowledges entries up to %s to %s in %s", history.Index(r.Index), r.Peer, termOf(r, r.Term))
	case history.RaftCommit:
		if r.Lead {
			return fmt.Sprintf("commits up to (%d,%s) as leader of %s", r.EntryTerm, history.Index(r.Index), termOf(r, r.Term))
		}
		return fmt.Sprintf("knows entries up to (%d,%s) committed, in %s", r.EntryTerm, history.Index(r.Index), termOf(r, r.Term))
	case history.RaftApply:
		return fmt.Sprintf("has applied entry %d and its state's digest is %016x", r.Index, r.Digest)
	case history.RaftSnapshot:
		return fmt.Sprintf("compacts its log up to (%d,%d), state digest %016x", r.EntryTerm, r.Index, r.Digest)
	case history.RaftInstall:
		return fmt.Sprintf("replaces its log by the snapshot of %s up to (%d,%d), state digest %016x",
			OrElse(r.Peer, "a leader"), r.EntryTerm, r.Index, r.Digest)
	case history.RaftConfig:
		return configured(r)
	case history.RaftRegress:
		return fmt.Sprintf("sends %s a message of its %s after one of its term %d, on one connection", r.Peer, termOf(r, r.Term), r.PeerTerm)
	case history.RaftEnd:
		return "ends"
	}
	return string(r.What)
}

// termOf is a term in words, with the group that it is of.
func termOf(r *history.Raft, term uint64) string {
	if r.Group == "" {
		return fmt.Sprintf("term %d", term)
	}
	return fmt.Sprintf("term %d of %s", term, r.Group)
}

// passed says what became of a message.
func passed(r *history.Raft) string {
	deed := "sends " + r.Peer + " a " + OrElse(r.Class, "message")
	answer := "refuses"
	if r.Granted {
		answer = "grants"
	}
	switch r.Class {
	case "vote":
		deed = "asks " + r.Peer + " for its vote"
	case "prevote":
		deed = "asks " + r.Peer + " for its pre-vote"
	case "vote-response":
		deed = answer + " " + r.Peer + " its vote"
	case "prevote-response":
		deed = answer + " " + r.Peer + " its pre-vote"
	case "timeout-now":
		deed = "tells " + r.Peer + " to stand at once"
	}
	return fmt.Sprintf("%s %s, %s [message %d, %s]", r.Node, deed, termOf(r, r.Term), r.ID, OrElse(string(r.Stage), "sent"))
}

func started(r *history.Raft) string {
	text := fmt.Sprintf("comes up (process %d) with term %d, ", r.Inc, r.Term)
	if r.Vote == "" {
		text += "no vote"
	} else {
		text += "its vote for " + r.Vote
	}
	return text + " and its log ending at " + Place(r.Last)
}

func heard(r *history.Raft) string {
	if r.Reason == history.ReasonTransfer {
		return ", at its leader's word"
	}
	if !r.Known {
		return ""
	}
	return fmt.Sprintf(", %v after it heard its leader", r.Heard.Round(time.Millisecond))
}

func voted(r *history.Raft) string {
	kind, term := "vote", r.PeerTerm
	if r.What == history.RaftPreVote {
		kind = "pre-vote"
	}
	if term == 0 {
		term = r.Term
	}
	if r.Granted && r.Peer == r.Node {
		return fmt.Sprintf("votes for itself in %s (its log %s)", termOf(r, term), Place(r.Last))
	}
	text := fmt.Sprintf("grants its %s in %s to %s", kind, termOf(r, term), r.Peer)
	if !r.Granted {
		text = fmt.Sprintf("refuses its %s in %s to %s", kind, termOf(r, term), r.Peer)
		if r.Reason != "" && r.Reason != history.ReasonUnspecified {
			text += " as " + string(r.Reason)
		}
	}
	if r.Source == history.Trace {
		text += fmt.Sprintf(" (its log %s, %s's %s", Place(r.Last), r.Peer, Place(r.PeerLast))
		if r.Term != term {
			text += fmt.Sprintf("; its own term is %d", r.Term)
		}
		text += ")" + heard(r)
	}
	return text
}

func appended(r *history.Raft) string {
	what := fmt.Sprintf("entry (%d,%d)", r.EntryTerm, r.From)
	if r.To > r.From {
		what = fmt.Sprintf("entries (%d,%d) to (%d,%d)", r.EntryTerm, r.From, r.EntryTerm, r.To)
	}
	if r.Peer == r.Node {
		return "adds its own " + what
	}
	if r.Peer == "" {
		return "holds " + what
	}
	return fmt.Sprintf("takes %s from %s in term %d", what, r.Peer, r.Term)
}

func configured(r *history.Raft) string {
	switch r.Source {
	case history.Harness:
		text := "is to leave: the members may be " + strings.Join(r.Voters, " ")
		if r.Inc > 0 {
			text = fmt.Sprintf("is to come back as a new member with its process %d: the members may be %s", r.Inc, strings.Join(r.Voters, " "))
		}
		return text
	case history.Tap:
		who := "all members"
		if r.Group != "" {
			who = r.Group
		}
		if len(r.Voters) == 0 {
			return "who votes among " + who + " changes, nobody says to whom"
		}
		text := "those who vote among " + who + " are to be " + strings.Join(r.Voters, " ")
		if len(r.Learners) > 0 {
			text += fmt.Sprintf(", from entry %d on, until others follow", r.Index)
		}
		return text
	}
	text := fmt.Sprintf("uses the members %s from entry %d on", strings.Join(r.Voters, " "), r.Index)
	if len(r.Outgoing) > 0 {
		text += ", jointly with " + strings.Join(r.Outgoing, " ")
	}
	return text
}
