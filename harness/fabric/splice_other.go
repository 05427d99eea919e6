//go:build !linux

package fabric

import (
	"errors"
	"syscall"
)

// splicer needs Linux; elsewhere bytes are copied.
type splicer struct{ held int }

func newSplicer() *splicer { return &splicer{} }

func (p *splicer) usable() bool                      { return false }
func (p *splicer) fill(syscall.RawConn) (int, error) { return 0, errors.ErrUnsupported }
func (p *splicer) flush(syscall.RawConn) error       { return errors.ErrUnsupported }
func (p *splicer) take() ([]byte, error)             { return nil, nil }
func (p *splicer) close()                            {}
