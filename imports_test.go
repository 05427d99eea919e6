package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/usurper/usurper/"

// allowed says which packages of the project each folder may import; a folder
// without an entry follows the nearest one above it. "x/..." is x and all below.
// Tests may import what they need: those of node/raft carry out plans.
var allowed = map[string][]string{
	"":                          {"harness/cli", "node"},
	"rawio":                     {},
	"node":                      {"node/...", "rawio"},
	"node/raft":                 {"node/bug"},
	"node/bug":                  {},
	"harness/history":           {"rawio"},
	"harness/text":              {},
	"harness/count":             {},
	"harness/largepages":        {},
	"harness/document":          {"harness/text"},
	"harness/fabric":            {"harness/fabric/clock", "harness/fabric/heap", "harness/fabric/owner", "rawio"},
	"harness/fabric/clock":      {"harness/fabric/heap"},
	"harness/fabric/heap":       {},
	"harness/fabric/owner":      {},
	"harness/fabric/subnet":     {},
	"harness/results":           {},
	"harness/tap":               {"harness/fabric", "harness/history"},
	"harness/workload":          {"harness/history"},
	"harness/capture":           {"harness/count", "harness/fabric", "harness/history", "harness/tap"},
	"harness/capture/golden":    {"harness/capture", "harness/fabric", "harness/history", "harness/tap"},
	"harness/dialect":           {"harness/dialect/...", "harness/tap", "harness/text"},
	"harness/dialect/etcd":      {"harness/history", "harness/tap"},
	"harness/dialect/hashicorp": {"harness/history", "harness/tap"},
	"harness/dialect/libraft":   {"harness/history", "harness/tap"},
	"harness/dialect/nats":      {"harness/history", "harness/tap"},
	"harness/dialect/ovsdb":     {"harness/history", "harness/tap"},
	"harness/dialect/zookeeper": {"harness/history", "harness/tap"},
	"harness/target":            {"harness/fabric", "harness/history", "harness/tap", "harness/workload"},
	"harness/target/reference":  {"harness/fabric", "harness/history", "harness/workload", "harness/target", "harness/tap", "node/...", "rawio"},
	"harness/target/ovsdb":      {"harness/dialect/ovsdb", "harness/fabric", "harness/history", "harness/workload", "harness/target", "harness/tap"},
	"harness/target/exec":       {"harness/dialect", "harness/document", "harness/fabric", "harness/history", "harness/tap", "harness/target", "harness/text", "harness/workload"},
	"harness/target/compile":    {},
	"harness/target/nats":       {"harness/dialect/nats", "harness/history", "harness/target", "harness/target/compile", "harness/workload"},
	"harness/target/etcd":       {"harness/dialect/etcd", "harness/fabric", "harness/history", "harness/workload", "harness/target", "harness/target/compile", "harness/tap"},
	"harness/target/zookeeper":  {"harness/dialect/zookeeper", "harness/history", "harness/target", "harness/workload"},
	"harness/guard":             {},
	"harness/disk":              {"harness/disk/...", "harness/guard"},
	"harness/disk/block":        {},
	"harness/disk/files":        {},
	"harness/machine":           {"harness/guard", "harness/machine/..."},
	"harness/machine/vdso":      {},
	"harness/machine/cgroup":    {"harness/guard"},
	"harness/machine/deaf":      {},
	"harness/cluster":           {"harness/fabric/owner", "harness/guard", "harness/history", "harness/target", "rawio"},
	"harness/audit":             {"harness/history", "harness/target"},
	"harness/system":            {"nemesis", "harness/cluster", "harness/count", "harness/disk", "harness/disk/files", "harness/machine", "harness/fabric", "harness/history", "harness/target"},
	"harness/engine":            {"checker", "checker/verdict", "harness/capture", "nemesis", "harness/audit", "harness/cluster", "harness/count", "harness/dialect", "harness/disk", "harness/fabric", "harness/guard", "harness/machine", "harness/fabric/owner", "harness/fabric/subnet", "harness/history", "harness/results", "harness/seen", "harness/system", "harness/target", "harness/text", "harness/workload"},
	"harness/scenario":          {"harness/engine", "nemesis"},
	"harness/pace":              {"checker"},
	"harness/picture":           {"checker", "checker/verdict", "nemesis", "harness/count", "harness/history", "harness/slice", "harness/text"}, // plans say which links a fault is about
	"harness/picture/browser":   {},
	"harness/picture/page":      {"harness/picture"},
	"harness/picture/columns":   {"checker/verdict", "harness/picture"},
	"harness/picture/still":     {"checker", "checker/verdict", "harness/count", "harness/picture", "harness/picture/columns", "harness/text"},
	"harness/picture/terminal":  {"checker", "checker/verdict", "harness/count", "harness/picture", "harness/picture/columns", "harness/text"},
	"harness/seen":              {"checker", "harness/count", "harness/history", "harness/picture", "harness/picture/page", "harness/picture/still", "harness/results", "harness/slice"},
	"harness/serve":             {"checker", "harness/count", "harness/history", "harness/night/entry", "harness/night/morning", "harness/picture", "harness/picture/columns", "harness/picture/page", "harness/results", "harness/seen"},
	"harness/slice":             {"checker/verdict", "harness/count", "harness/history", "harness/text"},
	"harness/perfetto":          {"checker/verdict", "harness/history"},
	"harness/night":             {"checker", "checker/verdict", "nemesis", "harness/document", "harness/engine", "harness/history", "harness/night/...", "harness/pace", "harness/reproduce", "harness/results", "harness/seen", "harness/text"},
	"harness/night/entry":       {},
	"harness/night/coverage":    {"harness/count", "harness/history", "harness/night/entry", "harness/text"},
	"harness/night/finding":     {"checker", "checker/verdict", "nemesis", "harness/count", "harness/engine", "harness/history", "harness/night/entry", "harness/reproduce", "harness/results", "harness/text"}, // it repeats and shrinks
	"harness/night/morning":     {"checker/verdict", "harness/count", "harness/night/coverage", "harness/night/entry", "harness/night/finding", "harness/pace", "harness/text"},
	"harness/jepsen":            {"checker", "harness/history", "harness/text"},
	"harness/reproduce":         {"checker", "nemesis", "harness/count", "harness/engine", "harness/history", "harness/results"},
	"harness":                   {"checker", "nemesis", "harness/count", "harness/disk", "harness/engine", "harness/reproduce", "harness/results", "harness/scenario"},
	"harness/cli":               {"harness/...", "checker", "checker/verdict", "nemesis"},
	"harness/cli/nights":        {"checker", "harness/count", "harness/disk", "harness/cli/screen", "harness/cli/setup", "harness/cli/shard", "harness/engine", "harness/night", "harness/night/...", "harness/results", "harness/target", "harness/target/exec", "harness/text"},
	"harness/cli/setup":         {"checker", "nemesis", "harness/disk", "harness/machine", "harness/document", "harness/engine", "harness/history", "harness/reproduce", "harness/results", "harness/scenario", "harness/target", "harness/target/...", "harness/text", "harness/workload"},
	"harness/cli/screen":        {"checker", "checker/verdict", "nemesis", "harness/engine", "harness/text"},
	"harness/cli/shard":         {"harness/night"},
	"nemesis":                   {"harness/history", "harness/text"},
	"scripts/grouping":          {"harness/night/entry", "harness/night/finding"},
	"scripts/histories":         {"checker/tape", "harness/history"},
	"nemesis/draw":              {"nemesis"},
	"checker":                   {"checker/...", "harness/count", "harness/history", "harness/text"},
	"checker/verdict":           {"harness/count", "harness/history"},
	"checker/tape":              {"checker/verdict", "harness/history"},
	"checker/raft":              {"checker/verdict", "harness/count", "harness/history"},
	"checker/register":          {"checker/verdict", "harness/count", "harness/history"},
	"checker/set":               {"checker/verdict", "harness/count", "harness/history"},
	"checker/txn":               {"checker/verdict", "harness/count", "harness/history"},
	"checker/lock":              {"checker/verdict", "harness/count", "harness/history"},
	"checker/model":             {"checker/verdict", "harness/count", "harness/history"},
	"checker/object":            {"checker/verdict", "harness/count", "harness/history"},
	"checker/evidence":          {"checker/verdict", "harness/count", "harness/history"},
}

// Packages know of each other what DESIGN.md says, and no more.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for dec.More() {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		require.NoError(t, dec.Decode(&pkg))
		seen++
		name := strings.TrimPrefix(pkg.ImportPath+"/", module)
		may := rule(strings.TrimSuffix(name, "/"))
		for _, imp := range pkg.Imports {
			if imp, ours := strings.CutPrefix(imp, module); ours && !slices.ContainsFunc(may, matches(imp)) {
				t.Errorf("%s imports %s: allowed are %v", pkg.ImportPath, imp, may)
			}
		}
	}
	require.Greater(t, seen, 10)
}

// rule finds the entry for a package: its own or that of the nearest folder
// above.
func rule(name string) []string {
	for ; name != ""; name = name[:max(strings.LastIndexByte(name, '/'), 0)] {
		if may, ok := allowed[name]; ok {
			return may
		}
	}
	return allowed[""]
}

func matches(imp string) func(string) bool {
	return func(pattern string) bool {
		if all, ok := strings.CutSuffix(pattern, "/..."); ok {
			return imp == all || strings.HasPrefix(imp, all+"/")
		}
		return imp == pattern
	}
}
