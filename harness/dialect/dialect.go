// Package dialect lists the protocols that usurper can judge elections by, on the wire
// of systems that nobody prepared. Each is a package below, and a value: see
// [tap.Dialect].
//
// To add one: write its package as the Example of harness/tap shows, its line in All, and
// one for its captures in adversary_test.go, where they are judged in every legal variant
// and forged.
package dialect

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/harness/dialect/etcd"
	"github.com/usurper/usurper/harness/dialect/hashicorp"
	"github.com/usurper/usurper/harness/dialect/libraft"
	"github.com/usurper/usurper/harness/dialect/nats"
	"github.com/usurper/usurper/harness/dialect/ovsdb"
	"github.com/usurper/usurper/harness/dialect/zookeeper"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/harness/text"
)

// All returns the dialects, in order of their names.
func All() []tap.Dialect {
	return []tap.Dialect{
		etcd.Dialect(),
		hashicorp.Dialect(),
		libraft.Dialect(),
		nats.Dialect(),
		ovsdb.Dialect(),
		zookeeper.Dialect(),
	}
}

// Names lists the names of the dialects.
func Names() []string {
	var names []string
	for _, d := range All() {
		names = append(names, d.Name)
	}
	return names
}

// Named returns the dialect of a name. An error lists the names that there are.
func Named(name string) (tap.Dialect, error) {
	for _, d := range All() {
		if d.Name == name {
			return d, nil
		}
	}
	return tap.Dialect{}, fmt.Errorf("no protocol %q%s: use one of %s", name, text.DidYouMean(name, Names()), strings.Join(Names(), ", "))
}
