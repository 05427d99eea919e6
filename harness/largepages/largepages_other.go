//go:build !linux

package largepages

// Ask is for Linux.
func Ask(string) {}
