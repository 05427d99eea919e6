// Package largepages gives the heap of a large check large pages, where the kernel has
// some for those who ask.
package largepages
