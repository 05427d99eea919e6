package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// ConfigFormat is the version of the configuration file that this package
// writes. Files of this version and of every older one are read; the oldest name
// no version.
const ConfigFormat = 1

// manifest is the content of a configuration file.
type manifest struct {
	Format int `json:"format"`
	*Config
	Build Build `json:"build"`
}

// manifest describes the run with every value that was derived.
func (r *run) manifest() manifest {
	cfg := r.cfg
	cfg.Settle = r.settleTimeout()
	return manifest{Format: ConfigFormat, Config: &cfg, Build: BuildOf(cfg.Target)}
}

// Saved is a run as its directory describes it: all that it takes to make it
// again.
type Saved struct {
	Dir results.Dir
	// Config is that of the run, with the plan as it was written. Its Target is
	// nil: TargetName and TargetOptions say how to make it.
	Config Config
	// TargetOptions are Config's, as text that the target's own Options parse.
	TargetOptions json.RawMessage
	Build         Build
}

// Load reads the configuration and the plan in a run directory. A plan that names
// a member that the cluster lacks is an error, as is a configuration of a newer
// usurper.
func Load(dir results.Dir) (Saved, error) {
	s := Saved{Dir: dir}
	var format struct {
		Format int `json:"format"`
	}
	if err := dir.ReadJSON(results.ConfigFile, &format); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s has no %s: only check and explain can do without", dir, results.ConfigFile)
		}
		return s, fmt.Errorf("load run: %w", err)
	}
	if format.Format > ConfigFormat {
		return s, fmt.Errorf("load run: %s has format %d, this usurper reads up to %d: use a newer usurper",
			dir.Path(results.ConfigFile), format.Format, ConfigFormat)
	}
	s.Config.TargetOptions = &s.TargetOptions // read as it stands
	m := manifest{Config: &s.Config}
	if err := dir.ReadExactJSON(results.ConfigFile, &m); err != nil {
		return s, fmt.Errorf("load run: %w", err)
	}
	s.Build = m.Build
	s.Config.TargetOptions = s.TargetOptions
	made, setting := slices.Contains(madeUp(), s.Config.PlanName), s.Config.Setting()
	if made {
		setting = setting.Lenient()
	}
	plan, err := loadPlan(dir.Path(results.PlanFile), s.Config, setting)
	if err != nil {
		return s, fmt.Errorf("load run: %w", err)
	}
	plan.Generated = plan.Generated || made
	s.Config.Plan = &plan
	return s, nil
}

// madeUp names the plans that no person wrote, which those of older run directories do
// not say themselves.
func madeUp() []string { return []string{RandomPlan, KillsPlan, FailoversPlan, ShrunkPlan} }

// LoadPlan reads a plan file that a person wrote, for a run of cfg's members: one that
// names others, or asks for what cfg's system cannot be made to do, is an error that
// tells file and line.
func LoadPlan(path string, cfg Config) (nemesis.Plan, error) {
	return loadPlan(path, cfg, cfg.Setting())
}

func loadPlan(path string, cfg Config, setting nemesis.Setting) (nemesis.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nemesis.Plan{}, fmt.Errorf("read plan: %w", err)
	}
	if cfg.Nodes < 1 || cfg.Nodes > 9 {
		return nemesis.Plan{}, fmt.Errorf("the configuration has %d nodes: use 1 to 9", cfg.Nodes)
	}
	return nemesis.ParseFor(path, string(text), setting)
}
