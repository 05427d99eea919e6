//go:build !linux

package files

import "errors"

var errLinux = errors.New("directories whose files fail need FUSE, which is used on Linux only")

// Dir is a mounted directory: there is none here.
type Dir struct{}

// Available tells why directories cannot be mounted here.
func Available() error { return errLinux }

// Mount fails.
func Mount(mountpoint, backing string, o Options) (*Dir, error) { return nil, errLinux }

// Apply fails.
func (d *Dir) Apply(r Rule) (*Applied, error) { return nil, errLinux }

// Rot fails.
func (d *Dir) Rot(r Rot) (Damage, error) { return Damage{}, errLinux }

// Close does nothing.
func (d *Dir) Close() error { return nil }
