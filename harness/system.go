package harness

import (
	"context"
	"sync"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// system is what the nemesis sees of the cluster and the fabric.
type system struct {
	cluster *cluster.Cluster
	fabric  *fabric.Fabric
	rec     *history.Recorder
}

func (s *system) Nodes() []string { return s.cluster.Names() }

func (s *system) Kill(ctx context.Context, node string) (int, error) {
	return s.cluster.Kill(ctx, node)
}

func (s *system) Start(ctx context.Context, node string) error  { return s.cluster.Start(ctx, node) }
func (s *system) Pause(ctx context.Context, node string) error  { return s.cluster.Pause(ctx, node) }
func (s *system) Resume(ctx context.Context, node string) error { return s.cluster.Resume(ctx, node) }

// Apply installs a rule in the fabric.
func (s *system) Apply(ctx context.Context, r nemesis.Rule) (nemesis.Applied, error) {
	links := make([]fabric.Link, len(r.Links))
	for i, l := range r.Links {
		links[i] = fabric.Link{From: l[0], To: l[1]}
	}
	a, err := s.fabric.Apply(fabric.Rule{
		Action: fabric.Action(r.Action),
		Links:  links,
		Class:  r.Class,
		Delay:  r.Delay, Jitter: r.Jitter,
		Rate: r.Rate, Chance: r.Chance, Count: r.Count,
	})
	if err != nil {
		return nil, err
	}
	return applied{a}, nil
}

// watchSize bounds how far the nemesis may lag behind before it misses events.
const watchSize = 4096

// Watch hands on raft events as they are recorded.
func (s *system) Watch() (<-chan history.Raft, func()) {
	events, cancel := s.rec.Watch(watchSize, func(e *history.Event) bool { return e.Raft != nil })
	out := make(chan history.Raft)
	stop := make(chan struct{})
	go func() {
		defer close(out)
		for e := range events {
			select {
			case out <- *e.Raft:
			case <-stop:
				return
			}
		}
	}()
	return out, sync.OnceFunc(func() { cancel(); close(stop) })
}

type applied struct{ a *fabric.Applied }

func (a applied) Remove(context.Context) (map[string]int64, error) { return a.a.Remove(), nil }
