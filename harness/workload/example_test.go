package workload_test

import (
	"context"
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
)

// void is a system that takes every write and remembers none.
type void struct{}

func (void) Close() error { return nil }

func (void) Do(_ context.Context, op history.Op) (done history.Op, hint string) {
	op.Type, op.Saw = history.OK, op.F == history.FGet
	return op, ""
}

func Example() {
	w, err := workload.Named("register")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	completed := 0
	stats, err := workload.Run(ctx, workload.Options{
		Nodes:   []string{"n1"},
		Dial:    func(string) (workload.Client, error) { return void{}, nil },
		Clients: 1,
		Timeout: time.Second,
		Record: func(e history.Event) {
			if e.Op.Type != history.Invoke {
				if completed++; completed == 100 {
					cancel()
				}
			}
		},
	}, w)
	fmt.Println(stats.OK, stats.Fail, stats.Info, err)
	// Output: 100 0 0 <nil>
}
