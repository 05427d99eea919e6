package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/machine"
)

// powered is the configuration of a run on disks of members' own, if there are such here.
func powered(t *testing.T, kind disk.Kind) engine.Config {
	t.Helper()
	if err := disk.Available(kind, ""); err != nil {
		t.Skip(err)
	}
	cfg := configFor(t)
	cfg.Disk = kind
	return cfg
}

// requireNoDisks waits until nothing below dir is mounted or the image of a loop device.
func requireNoDisks(t *testing.T, dir string) {
	t.Helper()
	var left string
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		mounts, err := os.ReadFile("/proc/self/mounts")
		require.NoError(t, err)
		if left = ""; strings.Contains(string(mounts), dir) {
			left = "mounted"
		}
		images, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
		for _, path := range images {
			if image, err := os.ReadFile(path); err == nil && strings.Contains(string(image), dir) {
				left = path
			}
		}
		if left == "" {
			return
		}
		require.True(t, time.Now().Before(end), "left over: %s", left)
	}
}

func faultsOf(t *testing.T, result engine.Result) (heals []history.Fault) {
	t.Helper()
	h, err := history.Open(result.Dir.History())
	require.NoError(t, err)
	defer h.Close()
	for e, err := range h.Events() {
		require.NoError(t, err)
		if e.Fault != nil && e.Fault.What == history.FaultHeal {
			heals = append(heals, *e.Fault)
		}
	}
	return heals
}

// Three members that sync what they acknowledge bear the loss of everybody's power, and
// their disks are gone after the run.
func TestPowerFailure(t *testing.T) {
	t.Parallel()
	for _, kind := range []disk.Kind{disk.Ext4, disk.XFS} {
		t.Run(string(kind), func(t *testing.T) {
			cfg := powered(t, kind)
			cfg.For, cfg.PlanName = 8*time.Second, "test"
			var err error
			cfg.Plan, err = plan("at 500ms for 200ms power-failure all keep nothing\nat 5s for 200ms power-failure one keep names")
			require.NoError(t, err)
			result, err := engine.Run(t.Context(), cfg)
			require.NoError(t, err)
			require.Equal(t, checker.Valid, result.Report.Verdict, result.Report.String())
			require.Empty(t, result.Left)
			heals := faultsOf(t, result)
			require.Len(t, heals, 2)
			require.True(t, heals[0].Bit && heals[1].Bit)
			require.EqualValues(t, 3, heals[0].Evidence["canaries-lost"])
			requireNoDisks(t, cfg.Results)
			require.NoDirExists(t, result.Dir.Path("nodes", "n1"), "a valid run keeps no data")
			saved, err := engine.Load(result.Dir)
			require.NoError(t, err)
			require.Equal(t, kind, saved.Config.Disk)
		})
	}
}

// Members that end of what their disks do below the file system come back with it, and with
// all that they had synced.
func TestDisksFailBelow(t *testing.T) {
	t.Parallel()
	for _, kind := range []disk.Kind{disk.Ext4, disk.Btrfs} {
		t.Run(string(kind), func(t *testing.T) {
			cfg := powered(t, kind)
			if err := disk.Available(kind, disk.Block); err != nil {
				t.Skip(err)
			}
			cfg.DiskEngine, cfg.For, cfg.PlanName = disk.Block, 8*time.Second, "test"
			var err error
			for fault, want := range map[string]string{
				"fail-sync n1 wal": "know nothing of files", "full n1": "use --disk fuse", "lost-write n1": "use --disk fuse",
			} {
				cfg.Plan, err = plan("at 1s for 1s " + fault)
				require.NoError(t, err)
				require.ErrorContains(t, cfg.Validate(), want)
			}
			cfg.Plan, err = plan("at 500ms for 500ms slow-sync all 20ms±10ms\nat 2s for 500ms fail-sync n1\nat 4s for 500ms fail-write n2\nat 6s for 500ms fail-sync all")
			require.NoError(t, err)
			result, err := engine.Run(t.Context(), cfg)
			require.NoError(t, err)
			require.Equal(t, checker.Valid, result.Report.Verdict, result.Report.String())
			require.Empty(t, result.Left)
			heals := faultsOf(t, result)
			require.Len(t, heals, 4)
			for i, counted := range []string{"ms-added", "flushes-failed", "writes-failed", "flushes-failed"} {
				require.Positive(t, heals[i].Evidence[counted], "%v", heals[i].Evidence)
			}
			require.Positive(t, heals[3].Evidence["pids-gone"], "%v", heals[3].Evidence)
			requireNoDisks(t, cfg.Results)
		})
	}
}

// Whatever else is in force at a member that loses its power, and whenever: no fault is held
// against the system, all of them heal, and nothing is left behind.
func TestTroublesMeet(t *testing.T) {
	t.Parallel()
	shutdown := `maybe at 500ms for 700ms power-failure n1 keep nothing
maybe at 700ms for 700ms power-failure n1 keep names
maybe at 800ms for 400ms power-failure n1 n2 quiet
maybe at 1500ms for 500ms pause n2
maybe at 1700ms for 300ms power-failure n2 n3
maybe at 3s for 1ns power-failure n1
maybe at 3990ms for 1h power-failure all`
	block := `maybe at 500ms for 1s fail-sync n1
maybe at 700ms for 400ms power-failure n1 keep some
maybe at 2s for 1s slow-sync n2 200ms
maybe at 2200ms for 300ms power-failure n2 keep some
maybe at 3s for 800ms fail-write n3
maybe at 3990ms for 1h power-failure n3`
	for name, fault := range map[string]string{
		machine.FaultFreeze: "freeze n1", machine.FaultSlow: "slow n2 5%", machine.FaultStarve: "starve n3 110%", machine.FaultClock: "clock n2 drift 500000ppm",
	} {
		if machine.Available(name) == nil {
			shutdown += fmt.Sprintf("\nmaybe at 600ms for 700ms %s\nmaybe at 1600ms for 2s %s", fault, fault)
			block += fmt.Sprintf("\nmaybe at 2100ms for 1s %s", fault)
		}
	}
	for engineName, text := range map[disk.Engine]string{disk.Shutdown: shutdown, disk.Block: block} {
		t.Run(string(engineName), func(t *testing.T) {
			cfg := powered(t, disk.Ext4)
			if err := disk.Available(disk.Ext4, engineName); err != nil {
				t.Skip(err)
			}
			cfg.DiskEngine, cfg.For, cfg.PlanName = engineName, 4*time.Second, "test"
			var err error
			cfg.Plan, err = plan(text)
			require.NoError(t, err)
			result, err := engine.Run(t.Context(), cfg)
			require.NoError(t, err)
			require.NotEqual(t, checker.Invalid, result.Report.Verdict, result.Report.String())
			require.Empty(t, result.Left)
			var cuts int64
			for _, f := range faultsOf(t, result) {
				cuts += f.Evidence["canaries-lost"]
			}
			require.Positive(t, cuts)
			requireNoDisks(t, cfg.Results)
		})
	}
}

// Of a run that has no verdict what was on the disks is in the run directory.
func TestDisksOfAFailedStart(t *testing.T) {
	t.Parallel()
	cfg := powered(t, disk.Ext4)
	cfg.Target = shell(cfg.Target, "echo promise >\"$0/vote\"; exit 3", "n2")
	requireError(t, cfg)
	requireNoDisks(t, cfg.Results)
	votes, err := filepath.Glob(filepath.Join(cfg.Results, "latest", "nodes", "n2", "data", "vote"))
	require.NoError(t, err)
	require.Len(t, votes, 1)
}

// A harness that is killed leaves no disk. Where what would remove them is killed too, the
// next run does.
func TestKilledHarnessLeavesNoDisk(t *testing.T) {
	t.Parallel()
	powered(t, disk.Ext4)
	for name, all := range map[string]bool{"the harness": false, "and all that outlives it": true} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "results")
			cmd := exec.Command(binary, "powered", dir)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			require.NoError(t, cmd.Start())
			for end := time.Now().Add(time.Minute); !strings.Contains(historyBelow(dir), `"phase":"faults"`); time.Sleep(5 * time.Millisecond) {
				require.True(t, time.Now().Before(end), "it does not start: %s", historyBelow(dir))
			}
			var guards []int
			for _, line := range processes(func(pid int, line string) bool {
				return childOf(pid, cmd.Process.Pid) && !strings.Contains(line, dir)
			}) {
				pid, err := strconv.Atoi(strings.Fields(line)[0])
				require.NoError(t, err)
				guards = append(guards, pid)
			}
			require.NotEmpty(t, guards)
			require.NoError(t, syscall.Kill(cmd.Process.Pid, syscall.SIGSTOP)) // or it sees that they are gone
			if all {
				for _, pid := range guards {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			require.NoError(t, cmd.Process.Kill())
			cmd.Wait()
			if all {
				quick := configFor(t)
				quick.For = 100 * time.Millisecond
				_, err := engine.Run(t.Context(), quick)
				require.NoError(t, err)
			}
			requireNoneLeft(t, dir)
			requireNoDisks(t, dir)
		})
	}
}

// historyBelow is the history of the run below a results directory, as far as it goes.
func historyBelow(dir string) string {
	paths, _ := filepath.Glob(filepath.Join(dir, "*", "history.jsonl"))
	for _, path := range paths {
		if b, err := os.ReadFile(path); err == nil {
			return string(b)
		}
	}
	return ""
}

func childOf(pid, parent int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(after)
	return len(fields) > 1 && fields[1] == strconv.Itoa(parent)
}

// An interrupt amid everything leaves nothing either.
func TestInterruptedRunLeavesNoDisk(t *testing.T) {
	t.Parallel()
	cfg := powered(t, disk.Ext4)
	cfg.For, cfg.PlanName = time.Hour, "test"
	var err error
	cfg.Plan, err = plan("at 100ms every 300ms for 100ms power-failure all")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg.Progress = func(p engine.Progress) {
		if strings.Contains(historyBelow(cfg.Results), "canaries-lost") {
			cancel()
		}
	}
	result, err := engine.Run(ctx, cfg)
	require.NoError(t, err)
	require.True(t, result.Interrupted)
	require.Empty(t, result.Left)
	requireNoneLeft(t, cfg.Results)
	requireNoDisks(t, cfg.Results)
}

// Who is not root is told so before anything happens.
func TestDisksNeedRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	dir, err := os.MkdirTemp("", "unprivileged") // where others may go, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	program := filepath.Join(dir, "test")
	in, err := os.Open(binary)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(program, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
	cmd := exec.Command(program, "powered", filepath.Join(dir, "results"))
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	text, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Regexp(t, `^disks of kind ext4 are not available: only root mounts file systems: run it as root\n$`, string(text))
}
