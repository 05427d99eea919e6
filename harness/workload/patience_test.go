package workload

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPatience(t *testing.T) {
	o := &Options{Timeout: time.Second, Hurry: 100 * time.Millisecond}
	patient, hasty := newPatience(o, 4), newPatience(o, 5)
	for range 30 {
		patient.answered(time.Millisecond)
		hasty.answered(time.Millisecond)
	}
	require.Equal(t, time.Second, patient.now)
	require.Equal(t, 100*time.Millisecond, hasty.now)

	hasty.unanswered()
	require.Equal(t, 200*time.Millisecond, hasty.now)
	for range 8 {
		hasty.unanswered()
	}
	require.Equal(t, time.Second, hasty.now, "never more than the timeout")

	for range 100 {
		hasty.answered(50 * time.Millisecond)
	}
	require.InDelta(t, 400*time.Millisecond, hasty.now, float64(time.Millisecond), "eight times what is usual")

	o.Hurry = 0
	hasty = newPatience(o, 5)
	hasty.answered(time.Millisecond)
	require.Equal(t, time.Second, hasty.now)
	o.Hurry = time.Minute
	require.Equal(t, time.Second, newPatience(o, 5).least)
}
