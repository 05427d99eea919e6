package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/machine/vdso"
)

// That a member was damaged is told whoever finds it, and no other failure is.
func TestDamageIsTold(t *testing.T) {
	var told []string
	m := New(Options{Name: "test", Spoilt: func(member string, why error) { told = append(told, member+": "+why.Error()) }})
	c := newClocks(vdso.Clock{Offset: time.Hour}, func(why error) { m.spoil("n1", why) })
	for _, fails := range []error{vdso.ErrUnsupported, vdso.ErrGone, nil} {
		c.change = func(int, vdso.Clock) error { return fails }
		c.set([]int{1})
	}
	require.Empty(t, told)
	c.change = func(pid int, _ vdso.Clock) error { return fmt.Errorf("process %d: %w", pid, vdso.ErrSpoilt) }
	require.ErrorIs(t, c.set([]int{7}), vdso.ErrSpoilt)
	require.Equal(t, []string{"n1: the harness itself has damaged n1: process 7: " + vdso.ErrSpoilt.Error()}, told)
	New(Options{Name: "test"}).spoil("n1", vdso.ErrSpoilt) // nobody wants to know
}
