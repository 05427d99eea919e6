package subnet

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubnetsDoNotCollide(t *testing.T) {
	seen := make(map[string]bool)
	for range 50 {
		s, err := Claim(context.Background())
		require.NoError(t, err)
		defer s.Close()
		if s.Note() != "" {
			t.Skip(s.Note())
		}
		require.False(t, seen[s.String()], "%s twice", s)
		seen[s.String()] = true
		l, err := net.Listen("tcp", s.Addr(1, 0))
		require.NoError(t, err)
		defer l.Close()
		_, err = net.Listen("tcp", s.Addr(claimHost, claimPort))
		require.Error(t, err, "the claim is held")
	}
}

func TestSubnetAddr(t *testing.T) {
	s, err := Claim(context.Background())
	require.NoError(t, err)
	if s.Note() != "" {
		t.Skip(s.Note())
	}
	host, port, err := net.SplitHostPort(s.Addr(7, 8080))
	require.NoError(t, err)
	require.Equal(t, "8080", port)
	_, network, err := net.ParseCIDR(s.String())
	require.NoError(t, err)
	require.True(t, network.Contains(net.ParseIP(host)), "%s in %s", host, s)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
}

func TestSubnetFallback(t *testing.T) {
	s := fallback()
	require.NotEmpty(t, s.Note())
	require.Equal(t, s.Addr(1, 80), s.Addr(1, 80))
	require.NotEqual(t, s.Addr(1, 80), s.Addr(2, 80))
	require.NotEqual(t, s.Addr(1, 80), s.Addr(1, 81))
	require.NoError(t, s.Close())
}

func TestClaimStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Claim(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
