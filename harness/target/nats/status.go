package nats

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/usurper/usurper/harness/target"
)

// maxStatus bounds what a member may say of itself.
const maxStatus = 1 << 20

// metaGroup is the Raft of all members, which decides where streams are.
const metaGroup = "_meta_"

// Status asks m for its place in the meta group. It is not Atomic: role and term are read
// one after the other. A member without others leads.
func (t *Target) Status(ctx context.Context, m target.Member) (target.Status, error) {
	status, err := t.status(ctx, m)
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	return status, nil
}

func (t *Target) status(ctx context.Context, m target.Member) (target.Status, error) {
	if len(m.Peers) == 0 {
		return target.Status{Role: "leader", Leader: m.Name}, ask(ctx, m, "/healthz", nil)
	}
	var groups map[string]map[string]raft
	switch err := ask(ctx, m, "/raftz?acc=$SYS&group="+metaGroup, &groups); {
	case errors.Is(err, errNotThere):
		return oldStatus(ctx, m)
	case err != nil:
		return target.Status{}, err
	}
	meta, ok := groups["$SYS"][metaGroup]
	if !ok {
		return target.Status{}, fmt.Errorf("it tells of no group %s", metaGroup)
	}
	return meta.status(m)
}

// oldStatus asks a server that has no page on its Rafts, as 2.10.14 has none and 2.10.19 has,
// for whom it takes for the leader of the meta group. It tells no term.
func oldStatus(ctx context.Context, m target.Member) (target.Status, error) {
	var js struct {
		Meta *struct {
			Leader string `json:"leader"`
		} `json:"meta_cluster"`
	}
	switch err := ask(ctx, m, "/jsz", &js); {
	case err != nil:
		return target.Status{}, err
	case js.Meta == nil:
		return target.Status{}, fmt.Errorf("it tells of no group %s", metaGroup)
	case js.Meta.Leader == m.Name:
		return target.Status{Role: "leader", Leader: m.Name}, nil
	}
	return target.Status{Role: "follower", Leader: js.Meta.Leader}, nil
}

// raft is what a member says of itself in a group.
type raft struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Leader    string `json:"leader"`
	Term      uint64 `json:"term"`
	Committed uint64 `json:"committed"`
	Applied   uint64 `json:"applied"`
}

func (r *raft) status(m target.Member) (target.Status, error) {
	if r.ID != peerID(m.Name) {
		return target.Status{}, fmt.Errorf("it says that it is %.20q, and not %s, which is %s", r.ID, m.Name, peerID(m.Name))
	}
	s := target.Status{Term: r.Term, Commit: r.Committed, Applied: r.Applied}
	switch r.State {
	case "LEADER":
		s.Role, s.Leader = "leader", m.Name
		return s, nil
	case "CANDIDATE":
		s.Role = "candidate"
		return s, nil
	case "FOLLOWER", "OBSERVER":
		s.Role = "follower"
	default:
		return s, fmt.Errorf("it says that it is %.20q", r.State)
	}
	for name := range m.Peers {
		if r.Leader == peerID(name) {
			s.Leader = name
		}
	}
	return s, nil
}

// peerID is what servers call the member of a name in their Rafts.
func peerID(name string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(name))
	id := sum[:8]
	for i, b := range id {
		id[i] = digits[int(b)%len(digits)]
	}
	return string(id)
}

var errNotThere = errors.New("it has no such page")

// ask gets what m says at a path of its monitoring port into answer, if that is not nil.
func ask(ctx context.Context, m target.Member, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.Ports[monitor]+path, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: %s", errNotThere, path)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %.80q", resp.Status, body)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(body, answer)
}
