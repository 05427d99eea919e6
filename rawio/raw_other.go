//go:build !linux

package rawio

import "syscall"

// init leaves the Conn to package net: elsewhere there is no such call to be had.
func (*Conn) init(syscall.RawConn) {}
