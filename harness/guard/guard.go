// Package guard undoes what a harness leaves behind on the machine when it is killed:
// processes, mounts, loop devices, cgroups, directories.
//
// What has to be undone is promised before it is done: to a small process that outlives
// the harness by a moment, and in a journal by which the next harness undoes it if that
// process was killed too.
package guard

// Undo is one thing to undo.
type Undo struct {
	// What is one of the constants below, in the order in which things are undone.
	What string
	// Of is a mark of processes, a mount point, a loop device, a cgroup or a path.
	Of string
}

// What may have to be undone.
const (
	Kill    = "kill"    // all processes that have this mark
	Unmount = "unmount" // a mount point
	Detach  = "detach"  // a loop device, from its file
	Leave   = "leave"   // a cgroup: it is thawed, its processes are killed, and it is removed
	Remove  = "remove"  // a file, or a directory with all that is in it, on one file system
)
