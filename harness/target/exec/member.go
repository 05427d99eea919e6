package exec

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// member is what templates over a member see.
type member struct {
	Name                               string
	Index                              int // from 1
	PeerHost, PeerPort, PeerAddr       string
	ClientHost, ClientPort, ClientAddr string
	DataDir                            string // absolute
	Peers                              map[string]string
	Members                            []string
	Ports                              map[string]string
	PeersAt                            map[string]map[string]string
	Inc                                uint64
	advertised                         map[string]string // nil: each pair has its own
}

var errPerPair = errors.New("members have no address that is the same for all: say addresses: one in the file")

// Advertised has the address of every member.
func (m member) Advertised() (map[string]string, error) {
	if m.advertised == nil {
		return nil, errPerPair
	}
	return m.advertised, nil
}

func newMember(m target.Member) (member, error) {
	v := member{
		Name: m.Name, PeerAddr: m.PeerAddr, ClientAddr: m.ClientAddr,
		Peers: m.Peers, advertised: m.Advertised, Ports: m.Ports, PeersAt: m.PeersAt, Inc: m.Inc,
	}
	v.Members = slices.AppendSeq([]string{m.Name}, maps.Keys(m.Peers))
	for name := range v.advertised {
		v.Members = append(v.Members, name)
	}
	slices.Sort(v.Members)
	v.Members = slices.Compact(v.Members)
	v.Index = slices.Index(v.Members, m.Name) + 1
	var err error
	if v.PeerHost, v.PeerPort, err = net.SplitHostPort(m.PeerAddr); err != nil {
		return v, fmt.Errorf("%s: peer address: %w", m.Name, err)
	}
	if v.ClientHost, v.ClientPort, err = net.SplitHostPort(m.ClientAddr); err != nil {
		return v, fmt.Errorf("%s: client address: %w", m.Name, err)
	}
	if v.DataDir, err = filepath.Abs(m.DataDir); err != nil {
		return v, fmt.Errorf("%s: data directory: %w", m.Name, err)
	}
	return v, nil
}

// who is what templates that say what a member calls another see.
type who struct {
	Name             string
	Index            int
	Host, Port, Addr string // where the one that is asked reaches it
}

// whoIs returns the member whose name, or whose address as m knows it, or whose
// called is word; "" if it is none.
func (m *member) whoIs(word string, called *text) string {
	if word == "" {
		return ""
	}
	for i, name := range m.Members {
		addrs := []string{m.Peers[name], m.advertised[name]}
		if name == m.Name {
			addrs = append(addrs, m.PeerAddr, m.ClientAddr)
		}
		if called == nil {
			if word == name || slices.Contains(addrs, word) {
				return name
			}
			continue
		}
		w := who{Name: name, Index: i + 1}
		for _, addr := range addrs {
			if addr != "" {
				w.Addr = addr
				w.Host, w.Port, _ = net.SplitHostPort(addr)
				break
			}
		}
		if says, err := called.render(w); err == nil && says == word {
			return name
		}
	}
	return ""
}

// operation is what templates over an operation see.
type operation struct {
	F       string
	Key     string
	Value   string // what put, append and add write, and the new value of cas
	Old     string // what cas expects
	Request string // the write's identity: a deliberate resend has the same
	Member  *member
}

func newOperation(m *member, op *history.Op) operation {
	return operation{F: string(op.F), Key: op.Key, Value: op.Arg, Old: op.Old, Request: op.Request, Member: m}
}

// samples are members as the harness would lay them out, to try templates on
// before anything is started.
func samples(nodes int) []member {
	at := func(host, port int) string { return fmt.Sprintf("127.0.0.%d:%d", host, port) }
	all := make([]member, nodes)
	for i := range all {
		m := target.Member{
			Name: fmt.Sprintf("n%d", i+1), PeerAddr: at(11+i, 7701), ClientAddr: at(11+i, 7702),
			Peers: make(map[string]string), DataDir: "/nowhere", Inc: 1,
		}
		for j := range all {
			if i != j {
				m.Peers[fmt.Sprintf("n%d", j+1)] = at(101+i, 9001+j)
			}
		}
		all[i], _ = newMember(m) // the addresses are well-formed
		all[i].advertised = make(map[string]string)
		for j := range all {
			all[i].advertised[fmt.Sprintf("n%d", j+1)] = at(101+j, 7701)
		}
	}
	return all
}
