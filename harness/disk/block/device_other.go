//go:build !linux

package block

import "errors"

var errLinux = errors.New("disks that lose power need Linux, with FUSE and loop devices")

// Device is for Linux.
type Device struct{}

// Serve is for Linux.
func Serve(string, int64, Options) (*Device, error) { return nil, errLinux }

// Aside is for Linux; elsewhere nothing is served.
func Aside(call func() error) error { return call() }

// File is for Linux.
func (*Device) File() string { return "" }

// Cut is for Linux.
func (*Device) Cut(Choice) State { return State{} }

// Restore is for Linux.
func (*Device) Restore() {}

// State is for Linux.
func (*Device) State() State { return State{} }

// Begin is for Linux.
func (*Device) Begin(Trouble) *Ongoing { return &Ongoing{of: newTroubles()} }

// Calm is for Linux.
func (*Device) Calm() (again func()) { return func() {} }

// Close is for Linux.
func (*Device) Close() error { return errLinux }
