package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/usurper/usurper/harness/guard"
)

// Disks are the volumes of a run.
type Disks struct {
	guard   *guard.Guard
	own     bool // the guard is the disks' own
	note    string
	volumes map[string]Volume
	last    func() error // removes what the images lie in
}

// Open gives every member a fresh volume. What it leaves behind if this process is killed,
// the guard removes. It fails, saying what to do, where Available does.
func Open(ctx context.Context, o Options) (*Disks, error) {
	o.Engine = usual(o.Kind, o.Engine)
	if err := Available(o.Kind, o.Engine); err != nil {
		return nil, err
	}
	d := &Disks{guard: o.Guard, volumes: make(map[string]Volume, len(o.Members))}
	if d.guard == nil && o.Kind != Plain {
		g, err := guard.Open()
		if err != nil {
			return nil, err
		}
		d.guard, d.own = g, true
	}
	if err := d.open(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open disks: %w", err), d.Close())
	}
	return d, nil
}

func (d *Disks) open(ctx context.Context, o Options) error {
	create := func(ctx context.Context, member string) (Volume, error) { return openPlain(o.Mount(member)) }
	switch o.Kind {
	case Plain:
	case FUSE:
		create = func(ctx context.Context, member string) (Volume, error) {
			return openFiles(d.guard, o.Mount(member), o.Seed)
		}
	default:
		images, err := place(d.guard, o)
		if err != nil {
			return err
		}
		d.last, d.note = images.remove, images.note
		create = func(ctx context.Context, member string) (Volume, error) {
			return openFS(ctx, d.guard, images, fsOptions{kind: o.Kind, engine: o.Engine, mount: o.Mount(member), member: member})
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, member := range o.Members {
		wg.Go(func() {
			v, err := create(ctx, member)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", member, err))
				return
			}
			d.volumes[member] = v
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Volume returns the one of a member, or nil if nobody of that name was in Options.Members.
func (d *Disks) Volume(member string) Volume { return d.volumes[member] }

// Note is what a person should know of the disks, such as how large they are and where
// they lie; "" for nothing.
func (d *Disks) Note() string { return d.note }

// Close closes every volume. Processes that use them must be gone. It may be called twice.
func (d *Disks) Close() error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for member, v := range d.volumes {
		wg.Go(func() {
			if err := v.Close(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("close the disk of %s: %w", member, err))
			}
		})
	}
	wg.Wait()
	d.volumes = nil
	if d.last != nil {
		errs = append(errs, d.last())
		d.last = nil
	}
	if d.own {
		errs = append(errs, d.guard.Close())
	}
	return errors.Join(errs...)
}

// usual is the engine that a kind has if none is named.
func usual(kind Kind, engine Engine) Engine {
	switch {
	case kind == Plain || kind == FUSE:
		return ""
	case engine != "":
		return engine
	case kind == Btrfs:
		return Block
	}
	return Shutdown
}

// plain is a directory of the machine's own file system, which never loses power.
type plain struct{ dir string }

func openPlain(dir string) (Volume, error) { return plain{dir}, os.MkdirAll(dir, 0o755) }

func (p plain) Dir() string { return p.dir }

func (p plain) Settle() error { return nil }

func (p plain) Cut(Keep) error {
	return fmt.Errorf("cut the power of %s: it lies on the machine's own file system: %w", p.dir, ErrUnsupported)
}

func (p plain) Restore(context.Context) (Restored, error) {
	return Restored{}, fmt.Errorf("restore %s: it never lost power: %w", p.dir, ErrUnsupported)
}

func (p plain) Close() error { return nil }
