package morning

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/usurper/usurper/checker/verdict"
)

// Metrics writes the night as OpenMetrics 1.0. Counters begin anew with each night.
func (r *Report) Metrics(w io.Writer) error {
	for _, f := range r.families() {
		if len(f.Metric) == 0 {
			continue
		}
		if _, err := expfmt.MetricFamilyToOpenMetrics(w, f); err != nil {
			return err
		}
	}
	_, err := expfmt.FinalizeOpenMetrics(w)
	return err
}

func (r *Report) families() []*dto.MetricFamily {
	runs := counter("usurper_runs_total", "Runs by cell of the matrix and what became of them.", "")
	for _, c := range r.Cells {
		for _, class := range []struct {
			name string
			n    int
		}{{"valid", c.Runs.Valid}, {"invalid", c.Runs.Invalid}, {"unknown", c.Runs.Unknown}, {"broken", c.Runs.Broken}} {
			runs.add(float64(class.n), "cell", c.Name, "class", class.name)
		}
	}
	ops := counter("usurper_operations_total", "Operations of clients by outcome.", "")
	ops.add(float64(r.Operations.OK), "outcome", "ok")
	ops.add(float64(r.Operations.Fail), "outcome", "fail")
	ops.add(float64(r.Operations.Info), "outcome", "info")
	faults := counter("usurper_faults_total", "Faults by kind: planned, in force, and with evidence that they bit.", "")
	for _, f := range r.Faults {
		faults.add(float64(f.Planned), "kind", f.Kind, "stage", "planned")
		faults.add(float64(f.Fired), "kind", f.Kind, "stage", "fired")
		faults.add(float64(f.Bit), "kind", f.Kind, "stage", "bit")
	}
	took := counter("usurper_run_seconds_total", "Wall time of all runs together.", "seconds")
	took.add(r.Seconds)
	wall := gauge("usurper_night_seconds", "Wall time of the night.", "seconds")
	wall.add(r.Wall)
	asked := gauge("usurper_runs_asked", "Runs that were asked for; 0 for as many as there was time for.", "")
	asked.add(float64(r.Asked))
	status := gauge("usurper_exit_status", "0 nothing new, 1 new or regressed findings, 2 not known.", "")
	status.add(float64(r.Status))
	doubts := gauge("usurper_doubts", "Reasons for which the night's silence proves nothing.", "")
	doubts.add(float64(len(r.Doubts)))
	all := []family{runs, ops, faults, took, wall, asked, status, doubts, r.findingMetrics(), r.controlMetrics(), r.paceMetrics(), r.nightMetrics()}
	list := make([]*dto.MetricFamily, len(all))
	for i, f := range all {
		list[i] = f.MetricFamily
	}
	return list
}

func (r *Report) findingMetrics() family {
	type label struct {
		status string
		muted  bool
	}
	count := make(map[label]int)
	for _, s := range statuses() {
		count[label{string(s), false}], count[label{string(s), true}] = 0, 0
	}
	for i := range r.Findings {
		count[label{string(r.Findings[i].Status), r.Findings[i].Muted}]++
	}
	count[label{"unfiled", false}] = len(r.Unfiled)
	f := gauge("usurper_findings", "Findings by status; unfiled are broken rules of which no finding tells.", "")
	labels := slices.SortedFunc(maps.Keys(count), func(a, b label) int {
		return cmp.Or(cmp.Compare(a.status, b.status), cmp.Compare(muted(a.muted), muted(b.muted)))
	})
	for _, l := range labels {
		f.add(float64(count[l]), "status", l.status, "muted", muted(l.muted))
	}
	return f
}

func muted(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func (r *Report) controlMetrics() family {
	count := map[string]int{red: 0, green: 0, untried: 0}
	for _, c := range r.Controls {
		count[c.State]++
	}
	f := gauge("usurper_controls", "Known-bad configurations by how they stand: red is as it should be.", "")
	for _, state := range slices.Sorted(maps.Keys(count)) {
		f.add(float64(count[state]), "state", state)
	}
	return f
}

func (r *Report) paceMetrics() family {
	f := gauge("usurper_pace_median", "Medians of the runs: failover, recovery and silence in milliseconds, candidacies and terms a fault.", "")
	for _, name := range slices.Sorted(maps.Keys(r.Medians)) {
		f.add(r.Medians[name], "figure", name)
	}
	return f
}

// nightMetrics tells of each night and shard when it began, and its seed as a label:
// as a number it would lose digits.
func (r *Report) nightMetrics() family {
	f := gauge("usurper_night_begun_timestamp_seconds", "When a night, or a shard of it, began, and its seed.", "seconds")
	for _, n := range r.Nights {
		f.add(float64(n.Begun.UnixMilli())/1000, "night", n.Night, "seed", fmt.Sprint(n.Seed), "shard", fmt.Sprint(n.Shard))
	}
	return f
}

// family is metrics of one name.
type family struct{ *dto.MetricFamily }

func counter(name, help, unit string) family {
	return newFamily(dto.MetricType_COUNTER, name, help, unit)
}

func gauge(name, help, unit string) family { return newFamily(dto.MetricType_GAUGE, name, help, unit) }

func newFamily(kind dto.MetricType, name, help, unit string) family {
	f := &dto.MetricFamily{Name: &name, Help: &help, Type: &kind}
	if unit != "" {
		f.Unit = &unit
	}
	return family{f}
}

// add adds a value under labels, a name and a value each.
func (f family) add(v float64, labels ...string) {
	m := &dto.Metric{}
	for pair := range slices.Chunk(labels, 2) {
		name, value := pair[0], verdict.Printable(strings.ToValidUTF8(pair[1], "\ufffd"))
		m.Label = append(m.Label, &dto.LabelPair{Name: &name, Value: &value})
	}
	if f.GetType() == dto.MetricType_COUNTER {
		m.Counter = &dto.Counter{Value: &v}
	} else {
		m.Gauge = &dto.Gauge{Value: &v}
	}
	f.Metric = append(f.Metric, m)
}
