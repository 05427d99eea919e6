package files

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// side is one of two directories in which the same is done.
type side struct {
	dir  string
	open map[int]int // file descriptors
}

func (s *side) path(name string) string { return filepath.Join(s.dir, name) }

// state is all that can be seen of a directory.
func (s *side) state() string {
	var b bytes.Buffer
	filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		name, _ := filepath.Rel(s.dir, path)
		var st unix.Stat_t
		unix.Lstat(path, &st)
		fmt.Fprintf(&b, "%s %o", name, st.Mode)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			content, err := os.ReadFile(path)
			x := make([]byte, 10)
			n, xerr := unix.Lgetxattr(path, "user.x", x)
			fmt.Fprintf(&b, " %d links, %d bytes %x %v, %x %v", st.Nlink, st.Size, content, err, x[:max(n, 0)], xerr)
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			fmt.Fprintf(&b, " %s %v", to, err)
		}
		fmt.Fprintln(&b)
		return nil
	})
	var open []int
	for i := range s.open {
		open = append(open, i)
	}
	sort.Ints(open)
	for _, i := range open {
		var st unix.Stat_t
		err := unix.Fstat(s.open[i], &st)
		p := make([]byte, 1<<14)
		n, rerr := unix.Pread(s.open[i], p, 0)
		fmt.Fprintf(&b, "open %d: %d links, %d bytes %v, %x %v\n", i, st.Nlink, st.Size, err, p[:max(n, 0)], rerr)
	}
	return b.String()
}

// errno is what a program sees of an error.
func errno(err error) error {
	var e unix.Errno
	if errors.As(err, &e) {
		return e
	}
	return err
}

// aligned is memory that O_DIRECT takes.
func aligned(n int) []byte {
	p := make([]byte, n+4096)
	skip := int(-uintptr(unsafe.Pointer(&p[0])) & 4095)
	return p[skip : skip+n]
}

// Whatever programs do, without rules they find what a directory of the machine has.
func TestFaithful(t *testing.T) {
	_, mounted, _ := mountHere(t, Options{})
	plain := t.TempDir()
	round, begun := 0, time.Now()
	rapid.Check(t, func(t *rapid.T) {
		if round++; round > 20 && time.Since(begun) > 4*time.Second {
			return // it syncs, as slowly as the disk does
		}
		sides := [2]*side{}
		for i, top := range []string{mounted, plain} {
			sides[i] = &side{dir: filepath.Join(top, fmt.Sprint(round)), open: map[int]int{}}
			require.NoError(t, os.Mkdir(sides[i].dir, 0o755))
		}
		defer func() {
			for _, s := range sides {
				for _, fd := range s.open {
					unix.Close(fd)
				}
				os.RemoveAll(s.dir)
			}
		}()
		names := rapid.SampledFrom([]string{"a", "b", "d", "d/a", "d/b", "e", "e/a"})
		both := func(t *rapid.T, what string, do func(s *side) (any, error)) {
			got, err := do(sides[0])
			want, wantErr := do(sides[1])
			require.Equal(t, errno(wantErr), errno(err), what)
			require.Equal(t, want, got, what)
		}
		next := 0
		file := func(t *rapid.T) int {
			if next == 0 {
				t.Skip("nothing is open")
			}
			return rapid.IntRange(max(0, next-4), next-1).Draw(t, "file")
		}
		with := func(t *rapid.T, what string, do func(fd int) (any, error)) {
			i := file(t)
			if _, ok := sides[1].open[i]; !ok {
				t.Skip("it is closed")
			}
			both(t, what, func(s *side) (any, error) { return do(s.open[i]) })
		}
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				name := names.Draw(t, "name")
				flags := unix.O_RDWR
				for _, more := range []int{unix.O_CREAT, unix.O_EXCL, unix.O_TRUNC, unix.O_APPEND, unix.O_DSYNC} {
					if rapid.Bool().Draw(t, "flag") {
						flags |= more
					}
				}
				i := next
				both(t, "open", func(s *side) (any, error) {
					fd, err := unix.Open(s.path(name), flags, 0o640)
					if err == nil {
						s.open[i] = fd
						next = i + 1
					}
					return nil, err
				})
			},
			"close": func(t *rapid.T) {
				i := file(t)
				both(t, "close", func(s *side) (any, error) {
					fd, ok := s.open[i]
					delete(s.open, i)
					if !ok {
						return nil, nil
					}
					return nil, unix.Close(fd)
				})
			},
			"write": func(t *rapid.T) {
				p := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "bytes")
				with(t, "write", func(fd int) (any, error) { return unix.Write(fd, p) })
			},
			"pwrite": func(t *rapid.T) {
				p := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "bytes")
				off := rapid.Int64Range(0, 9000).Draw(t, "off")
				with(t, "pwrite", func(fd int) (any, error) { return unix.Pwrite(fd, p, off) })
			},
			"direct": func(t *rapid.T) {
				name := names.Draw(t, "name")
				off := 4096 * rapid.Int64Range(0, 2).Draw(t, "block")
				p := aligned(4096)
				p[7] = rapid.Byte().Draw(t, "byte")
				both(t, "direct", func(s *side) (any, error) {
					fd, err := unix.Open(s.path(name), unix.O_RDWR|unix.O_DIRECT, 0)
					if err != nil {
						return nil, err
					}
					defer unix.Close(fd)
					n, err := unix.Pwrite(fd, p, off)
					q := aligned(4096)
					m, rerr := unix.Pread(fd, q, off)
					return [3]any{n, m, bytes.Equal(p, q)}, errors.Join(err, rerr)
				})
			},
			"sync": func(t *rapid.T) {
				dataOnly := rapid.Bool().Draw(t, "data only")
				with(t, "sync", func(fd int) (any, error) {
					if dataOnly {
						return nil, unix.Fdatasync(fd)
					}
					return nil, unix.Fsync(fd)
				})
			},
			"truncate": func(t *rapid.T) {
				size := rapid.Int64Range(0, 9000).Draw(t, "size")
				with(t, "truncate", func(fd int) (any, error) { return nil, unix.Ftruncate(fd, size) })
			},
			"fallocate": func(t *rapid.T) {
				mode := rapid.SampledFrom([]uint32{0, unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_ZERO_RANGE}).Draw(t, "mode")
				off, n := rapid.Int64Range(0, 5000).Draw(t, "off"), rapid.Int64Range(1, 5000).Draw(t, "n")
				with(t, "fallocate", func(fd int) (any, error) { return nil, unix.Fallocate(fd, mode, off, n) })
			},
			"seek": func(t *rapid.T) {
				off := rapid.Int64Range(0, 9000).Draw(t, "off")
				whence := rapid.SampledFrom([]int{unix.SEEK_SET, unix.SEEK_END}).Draw(t, "whence")
				with(t, "seek", func(fd int) (any, error) { return unix.Seek(fd, off, whence) })
			},
			"mkdir": func(t *rapid.T) {
				name := names.Draw(t, "name")
				both(t, "mkdir", func(s *side) (any, error) { return nil, unix.Mkdir(s.path(name), 0o777) })
			},
			"unlink": func(t *rapid.T) {
				name := names.Draw(t, "name")
				both(t, "unlink", func(s *side) (any, error) { return nil, unix.Unlink(s.path(name)) })
			},
			"rmdir": func(t *rapid.T) {
				name := names.Draw(t, "name")
				both(t, "rmdir", func(s *side) (any, error) { return nil, unix.Rmdir(s.path(name)) })
			},
			"rename": func(t *rapid.T) {
				from, to := names.Draw(t, "from"), names.Draw(t, "to")
				flags := rapid.SampledFrom([]uint{0, 0, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE}).Draw(t, "flags")
				both(t, "rename", func(s *side) (any, error) {
					return nil, unix.Renameat2(unix.AT_FDCWD, s.path(from), unix.AT_FDCWD, s.path(to), flags)
				})
			},
			"link": func(t *rapid.T) {
				from, to := names.Draw(t, "from"), names.Draw(t, "to")
				both(t, "link", func(s *side) (any, error) { return nil, unix.Link(s.path(from), s.path(to)) })
			},
			"symlink": func(t *rapid.T) {
				to := names.Draw(t, "to")
				both(t, "symlink", func(s *side) (any, error) { return nil, unix.Symlink("a", s.path(to)) })
			},
			"chmod": func(t *rapid.T) {
				name, mode := names.Draw(t, "name"), rapid.SampledFrom([]uint32{0o600, 0o755, 0o640}).Draw(t, "mode")
				both(t, "chmod", func(s *side) (any, error) { return nil, unix.Chmod(s.path(name), mode) })
			},
			"setxattr": func(t *rapid.T) {
				name, value := names.Draw(t, "name"), rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "value")
				both(t, "setxattr", func(s *side) (any, error) { return nil, unix.Lsetxattr(s.path(name), "user.x", value, 0) })
			},
			"": func(t *rapid.T) {
				require.Equal(t, sides[1].state(), sides[0].state())
			},
		})
	})
}

func TestStatfs(t *testing.T) {
	_, dir, backing := mountHere(t, Options{})
	var have, want unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &have))
	require.NoError(t, unix.Statfs(backing, &want))
	require.Equal(t, want.Blocks, have.Blocks)
	require.Equal(t, want.Bsize, have.Bsize)
}
