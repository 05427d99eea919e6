// Package subnet claims a loopback network of its own for each cluster, so that
// clusters on one machine do not get in each other's way and every member has an
// address that tells who it is. It knows nothing of what listens there.
package subnet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	sockaddr "github.com/hashicorp/go-sockaddr"
)

const (
	// claimHost and claimPort make the address whose listener is the claim. The
	// port lies below those that kernels hand out, and every process that claims
	// must use the same.
	claimHost = 254
	claimPort = 9254
	// claimTries is how many subnets are asked for before giving up; of some
	// 65,000, few are taken.
	claimTries = 512
)

// Subnet is a loopback network that belongs to one cluster alone, on the whole
// machine, until it is closed or the process dies.
type Subnet struct {
	network sockaddr.IPv4Addr
	claim   net.Listener // nil without a network of our own
	note    string

	mu    sync.Mutex
	ports map[string]string // what Addr has returned, without a network of our own
}

// Claim claims a free network 127.x.y.0/24. Where the system knows no
// loopback address but 127.0.0.1 (macOS), Addr maps every address to a free
// port of that one instead, and Note says so.
func Claim(ctx context.Context) (*Subnet, error) {
	var lc net.ListenConfig
	var last error
	for range claimTries {
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("claim a loopback subnet: %w", err)
		}
		cidr := fmt.Sprintf("127.%d.%d.0/24", 1+rand.IntN(254), rand.IntN(256))
		network, err := sockaddr.NewIPv4Addr(cidr)
		if err != nil {
			return nil, fmt.Errorf("claim subnet %s: %w", cidr, err)
		}
		s := &Subnet{network: network}
		s.claim, err = lc.Listen(ctx, "tcp4", s.Addr(claimHost, claimPort))
		switch {
		case err == nil:
			return s, nil
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			return fallback(), nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("claim subnet %s: %w", cidr, err)
		}
		last = err
	}
	return nil, fmt.Errorf("claim a loopback subnet: %d were taken; does something listen on port %d of every address? %w",
		claimTries, claimPort, last)
}

func fallback() *Subnet {
	network, _ := sockaddr.NewIPv4Addr("127.0.0.1/32") // a constant that parses
	return &Subnet{
		network: network,
		note:    "on " + runtime.GOOS + " loopback is 127.0.0.1 alone: using free ports of it instead of a subnet",
		ports:   make(map[string]string),
	}
}

// Addr returns host:port of the given host, 1 to 253, in the subnet; port 0
// leaves the choice to whoever listens. Without a network of our own it is a
// port that was free when first asked for, the same at every call.
func (s *Subnet) Addr(host byte, port int) string {
	if s.ports == nil {
		a := s.network
		a.Address += sockaddr.IPv4Address(host)
		return net.JoinHostPort(a.NetIP().String(), strconv.Itoa(port))
	}
	if port == 0 {
		return "127.0.0.1:0"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprintf("%d:%d", host, port)
	if s.ports[key] == "" {
		s.ports[key] = freePort()
	}
	return s.ports[key]
}

// freePort returns an address that nobody listens on, as far as one can know.
func freePort() string {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// String is the network in CIDR notation.
func (s *Subnet) String() string { return s.network.String() }

// Note is one line for the user about what the system lacks; "" if nothing.
func (s *Subnet) Note() string { return s.note }

// Close gives the subnet back.
func (s *Subnet) Close() error {
	if s.claim == nil {
		return nil
	}
	if err := s.claim.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("give back subnet %s: %w", s, err)
	}
	return nil
}
