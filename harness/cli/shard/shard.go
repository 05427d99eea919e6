// Package shard tells which part of a night a process is to make, by what the command
// line says and by what the scheduler says that started the process.
package shard

import (
	"fmt"
	"strconv"

	"github.com/usurper/usurper/harness/night"
)

// The variables of schedulers that are read. Kubernetes counts the pods of an Indexed Job
// from 0 and does not tell how many there are; Slurm tells all of an array, but for which
// numbers it leaves out.
const (
	Index     = "JOB_COMPLETION_INDEX"
	Task      = "SLURM_ARRAY_TASK_ID"
	TaskMin   = "SLURM_ARRAY_TASK_MIN"
	TaskMax   = "SLURM_ARRAY_TASK_MAX"
	TaskStep  = "SLURM_ARRAY_TASK_STEP" // 1 if it is not set
	TaskCount = "SLURM_ARRAY_TASK_COUNT"
)

// Asked is what the command line says.
type Asked struct {
	Shard string // "2/5"; "" if it does not say
	Of    int    // how many shards there are; 0 if it does not say
}

// Find returns which shard is asked for, the zero one for the whole night, and says in a
// few words by what; "" if nothing speaks of shards. What contradicts each other is an
// error, as is what leaves open which shard is meant. `1/1` on the command line is the
// whole night whatever a scheduler says.
func Find(a Asked, lookup func(string) (string, bool)) (s night.Shard, by string, err error) {
	if a.Of < 0 {
		return s, "", fmt.Errorf("--shards %d: use at least 1", a.Of)
	}
	told, by, err := scheduled(a, lookup)
	if a.Shard == "" {
		switch {
		case err != nil:
			return s, "", err
		case by == "" && a.Of > 1:
			return s, "", fmt.Errorf("--shards %d: say which of them with --shard, such as --shard 1/%d; no scheduler does, by %s or %s", a.Of, a.Of, Index, Task)
		}
		return told, by, nil
	}
	if s, err = night.ParseShard(a.Shard); err != nil {
		return s, "", fmt.Errorf("--shard: %w", err)
	}
	if a.Of > 0 && a.Of != s.N {
		return s, "", fmt.Errorf("--shard %s and --shards %d contradict each other: leave one of them out", s, a.Of)
	}
	if s.N == 1 {
		return s, "--shard 1/1", nil
	}
	return s, "--shard " + s.String(), agree(s, lookup)
}

// scheduled is the shard that a scheduler says.
func scheduled(a Asked, lookup func(string) (string, bool)) (s night.Shard, by string, err error) {
	_, kubernetes := lookup(Index)
	_, slurm := lookup(Task)
	switch {
	case kubernetes && slurm:
		return s, "", fmt.Errorf("%s and %s are both set: say which shard this is with --shard", Index, Task)
	case kubernetes:
		return indexed(a.Of, lookup)
	case slurm:
		return array(a.Of, lookup)
	}
	return s, "", nil
}

// indexed is the shard of a pod of an Indexed Job.
func indexed(of int, lookup func(string) (string, bool)) (s night.Shard, by string, err error) {
	i, err := number(Index, lookup)
	if err != nil {
		return s, "", err
	}
	switch {
	case of == 0:
		return s, "", fmt.Errorf("%s=%d does not tell how many shards there are: add --shards with the completions of the Job, or --shard 1/1 for the whole night", Index, i)
	case i >= of:
		return s, "", fmt.Errorf("%s=%d, which counts from 0, is beyond --shards %d: use the completions of the Job", Index, i, of)
	}
	return night.Shard{I: i + 1, N: of}, fmt.Sprintf("%s=%d and --shards %d", Index, i, of), nil
}

// array is the shard of a task of a Slurm array.
func array(of int, lookup func(string) (string, bool)) (s night.Shard, by string, err error) {
	t, err := readTask(lookup)
	switch {
	case err != nil:
		return s, "", err
	case t.gaps():
		return s, "", fmt.Errorf("%s=%d of an array of %d tasks from %d to %d (step %d), of which some are left out, does not tell which shard this is: use --array=1-%d, or say it with --shard", Task, t.id, t.count, t.min, t.max, t.step, t.count)
	case t.count == 1 && of != 1:
		return s, "", fmt.Errorf("%s=%d is the only task of its array, so it does not tell how many shards there are: add --shard, such as --shard 3/5 to make that one again, or --shard 1/1 for the whole night", Task, t.id)
	case of > 0 && of != t.count:
		return s, "", fmt.Errorf("--shards %d, and an array of %d tasks (%s): leave --shards out", of, t.count, TaskCount)
	}
	return t.shard(), fmt.Sprintf("%s=%d of %d to %d", Task, t.id, t.min, t.max), nil
}

// agree tells whether a shard that was named is the one that a scheduler means. An array
// of one task, or of some, which makes shards again, says nothing.
func agree(s night.Shard, lookup func(string) (string, bool)) error {
	if _, ok := lookup(Index); ok {
		i, err := number(Index, lookup)
		if err != nil {
			return err
		}
		if i+1 != s.I {
			return fmt.Errorf("--shard %s, but %s=%d, which counts from 0: use --shards %d in its place", s, Index, i, s.N)
		}
	}
	if _, ok := lookup(Task); ok {
		t, err := readTask(lookup)
		if err != nil {
			return err
		}
		if t.count > 1 && !t.gaps() && t.shard() != s {
			return fmt.Errorf("--shard %s, but by %s=%d of an array of %d from %d on this is shard %s: leave --shard out, or unset %s if it is meant", s, Task, t.id, t.count, t.min, t.shard(), Task)
		}
	}
	return nil
}

// task is one of an array: of numbers from min to max by steps.
type task struct{ id, min, max, step, count int }

func readTask(lookup func(string) (string, bool)) (t task, err error) {
	t.step = 1
	for _, v := range []struct {
		name string
		to   *int
	}{{Task, &t.id}, {TaskMin, &t.min}, {TaskMax, &t.max}, {TaskCount, &t.count}, {TaskStep, &t.step}} {
		if _, ok := lookup(v.name); !ok && v.name == TaskStep {
			continue
		}
		if *v.to, err = number(v.name, lookup); err != nil {
			return t, err
		}
	}
	if t.step < 1 || t.count < 1 || t.id < t.min || t.id > t.max || t.count > (t.max-t.min)/t.step+1 {
		return t, fmt.Errorf("%s=%d of %d tasks from %d to %d by steps of %d: that is no array of Slurm's: say which shard this is with --shard, and unset %s", Task, t.id, t.count, t.min, t.max, t.step, Task)
	}
	return t, nil
}

// gaps tells whether the array leaves numbers out, so that nobody knows how many of them
// come before this one.
func (t task) gaps() bool {
	return (t.max-t.min)/t.step+1 != t.count || (t.max-t.min)%t.step != 0 || (t.id-t.min)%t.step != 0
}

// shard is the task's, of an array without gaps.
func (t task) shard() night.Shard { return night.Shard{I: (t.id-t.min)/t.step + 1, N: t.count} }

// number reads a variable as Kubernetes and Slurm write them: no sign, no zero before it.
func number(name string, lookup func(string) (string, bool)) (int, error) {
	text, ok := lookup(name)
	if !ok {
		return 0, fmt.Errorf("%s is not set beside the others of its scheduler: say which shard this is with --shard", name)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("%s=%.20q is no number as its scheduler writes them: say which shard this is with --shard, and unset it", name, text)
	}
	return n, nil
}
