//go:build !linux

package cli

// largePages is for Linux.
func largePages(string) {}
