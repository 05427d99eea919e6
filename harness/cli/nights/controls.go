package nights

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/target"
	described "github.com/usurper/usurper/harness/target/exec"
)

// controls are the known-bad configurations by which the night of these cells shows that
// it can see.
func controls(ctx context.Context, file *night.File, cells []night.Cell, say func(string)) ([]night.Control, error) {
	var all []night.Control
	var usual []night.ControlSpec
	if file.Controls.Usual {
		var err error
		if usual, err = night.Usual(cellFlags(), setsFlag(), setup.CheckerNames()); err != nil {
			return nil, err
		}
		usual = suited(usual, cells)
	}
	builds := make(map[string]string) // by path
	for i, s := range append(usual, file.Controls.List...) {
		if slices.ContainsFunc(all, func(o night.Control) bool { return o.Name == s.Name }) {
			return nil, fmt.Errorf("the control %s: one of the usual ones is called so: give it another name", s.Name)
		}
		c := night.Control{Name: s.Name, Checker: s.Checker}
		base := file.Flags
		if i < len(usual) {
			base = nil
		}
		cell, cfg, err := newCell(ctx, night.Combination{Name: s.Name}, append(slices.Clone(base), s.Settings...), say)
		if err != nil {
			return nil, fmt.Errorf("the control %s: %w", s.Name, err)
		}
		c.Cell = cell
		c.System = systemBuild(cfg.Target, builds)
		all = append(all, c)
	}
	return all, nil
}

// suited leaves out the usual controls of systems that no cell is of, and those that need
// disks which lose power, if no cell has such. Those of others are
// made of the build that the first cell of the system has.
func suited(usual []night.ControlSpec, cells []night.Cell) (all []night.ControlSpec) {
	for _, s := range usual {
		if _, ok := said(s.Settings, "disk"); ok {
			kind := powered(cells)
			if kind == "" {
				continue
			}
			s.Settings = append(slices.Clone(s.Settings), night.Setting{Name: "disk", Value: kind})
		}
		system, ok := said(s.Settings, "target")
		if !ok {
			all = append(all, s)
			continue
		}
		for _, c := range cells {
			if !slices.Contains(c.Args, "--target="+system) {
				continue
			}
			for _, name := range []string{"version", "binary"} {
				for _, arg := range c.Args {
					if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
						s.Settings = append(slices.Clone(s.Settings), night.Setting{Name: name, Value: value})
					}
				}
			}
			all = append(all, s)
			break
		}
	}
	return all
}

// powered is the disk of the first cell whose disks lose power, "" if none do.
func powered(cells []night.Cell) string {
	for _, c := range cells {
		for _, arg := range c.Args {
			if kind, ok := strings.CutPrefix(arg, "--disk="); ok && len(disk.Engines(disk.Kind(kind))) > 0 {
				return kind
			}
		}
	}
	return ""
}

// said is what settings set a flag to, if they do.
func said(settings []night.Setting, name string) (string, bool) {
	i := slices.IndexFunc(settings, func(s night.Setting) bool { return s.Name == name })
	if i < 0 {
		return "", false
	}
	return settings[i].Value, true
}

// systemBuild says which build of a system this is, as far as its files tell. known has
// the digests of those that were looked at.
func systemBuild(t target.Target, known map[string]string) string {
	files := []string{target.Executable(t)}
	build := ""
	if d, ok := t.(*described.Target); ok {
		files, build = d.Files(), d.Options().Text
	}
	for _, path := range files {
		if _, ok := known[path]; !ok {
			known[path] = engine.Digest(path)
		}
		build += "\n" + known[path]
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(build)))
}
