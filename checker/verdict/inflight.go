package verdict

// Inflight holds what each process has open: at most one thing. It is a map of
// processes that costs little as long as their numbers are small, as workloads
// draw them; any others have their place too. The zero value is empty.
type Inflight[T any] struct {
	near []entry[T]
	far  map[int]T
}

type entry[T any] struct {
	open bool
	it   T
}

// maxNear is how many processes are found by their number alone.
const maxNear = 1 << 16

// Set notes what the process has open.
func (f *Inflight[T]) Set(process int, it T) {
	if process < 0 || process >= maxNear {
		if f.far == nil {
			f.far = make(map[int]T)
		}
		f.far[process] = it
		return
	}
	for len(f.near) <= process {
		f.near = append(f.near, entry[T]{})
	}
	f.near[process] = entry[T]{true, it}
}

// Get returns what the process has open, if anything.
func (f *Inflight[T]) Get(process int) (it T, ok bool) {
	if process < 0 || process >= maxNear {
		it, ok = f.far[process]
		return it, ok
	}
	if process >= len(f.near) {
		return it, false
	}
	e := &f.near[process]
	return e.it, e.open
}

// Take returns what the process has open, which it no longer has then.
func (f *Inflight[T]) Take(process int) (it T, ok bool) {
	it, ok = f.Get(process)
	if !ok {
		return it, false
	}
	if process < 0 || process >= maxNear {
		delete(f.far, process)
	} else {
		f.near[process] = entry[T]{}
	}
	return it, true
}
