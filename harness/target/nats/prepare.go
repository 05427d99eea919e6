package nats

import (
	"context"
	"fmt"
	"time"

	nats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usurper/usurper/harness/target"
)

const (
	// bucket is the key-value bucket of single values, in the stream that JetStream
	// makes for it.
	bucket       = "usurper"
	bucketStream = "KV_" + bucket
	// listStream holds lists, each the messages of one subject.
	listStream  = "lists"
	maxReplicas = 5
	// prepareTry bounds one attempt to set the system up, preparePause is between two.
	prepareTry   = 5 * time.Second
	preparePause = 200 * time.Millisecond
)

// Prepare makes the bucket and the stream, and waits until all replicas have them.
func (t *Target) Prepare(ctx context.Context, s target.Setup) error {
	replicas := t.replicas(len(s.Members))
	for i := 0; ; i++ {
		err := prepare(ctx, s.Members[i%len(s.Members)].ClientAddr, replicas)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(preparePause):
		}
	}
}

// replicas is how many of so many members hold each stream.
func (t *Target) replicas(members int) int {
	if t.o.Replicas > 0 {
		return min(t.o.Replicas, members)
	}
	return (min(members, maxReplicas)-1)/2*2 + 1
}

func prepare(ctx context.Context, addr string, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTry)
	defer cancel()
	nc, err := connect(ctx, addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if _, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: bucket, Storage: jetstream.FileStorage, Replicas: replicas,
	}); err != nil {
		return fmt.Errorf("make the bucket %s: %w", bucket, err)
	}
	if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: listStream, Subjects: []string{listStream + ".>"}, Storage: jetstream.FileStorage,
		Replicas: replicas, AllowDirect: true,
	}); err != nil {
		return fmt.Errorf("make the stream %s: %w", listStream, err)
	}
	for _, name := range []string{bucketStream, listStream} {
		if err := whole(ctx, js, name, replicas); err != nil {
			return err
		}
	}
	return nil
}

// whole checks that a stream has a leader, and as many replicas as it should, all of
// which have what it has.
func whole(ctx context.Context, js jetstream.JetStream, name string, replicas int) error {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("look at the stream %s: %w", name, err)
	}
	cluster := stream.CachedInfo().Cluster
	if cluster == nil {
		return nil // a server without others
	}
	current := 1
	for _, r := range cluster.Replicas {
		if r.Current && !r.Offline {
			current++
		}
	}
	if cluster.Leader == "" || current < replicas {
		return fmt.Errorf("the stream %s has the leader %q and %d of %d replicas that are up to date", name, cluster.Leader, current, replicas)
	}
	return nil
}

// connect connects to one member and no other. A connection that breaks stays so: what
// was written to it is not sent again.
func connect(ctx context.Context, addr string) (*nats.Conn, error) {
	limit := dialWait
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	if limit <= 0 {
		return nil, context.Cause(ctx)
	}
	return nats.Connect("nats://"+addr,
		nats.Timeout(limit), nats.NoReconnect(), nats.IgnoreDiscoveredServers(),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}
