package zookeeper

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/go-zookeeper/zk"

	"github.com/usurper/usurper/harness/history"
)

// put sets a value, or creates it.
func put(r *request, key, value string) error {
	var err error
	for range attempts {
		r.counts()
		_, err = r.lib.Set(pathOf(valuesAt, key), []byte(value), -1)
		if !errors.Is(err, zk.ErrNoNode) {
			return err
		}
		if err = bear(r, key, value); !errors.Is(err, zk.ErrNodeExists) {
			return err
		}
	}
	return err
}

// bear creates a value, and notes that it did.
func bear(r *request, key, value string) error {
	birth := pathOf(birthsAt, key)
	err := error(zk.ErrNoNode)
	for try := 0; try < 2 && errors.Is(err, zk.ErrNoNode); try++ {
		if try > 0 {
			r.counts()
			if err := create(r.session, birth); err != nil {
				r.counts() // of this nobody sees anything
				return fmt.Errorf("create %s: %w", birth, err)
			}
		}
		r.counts()
		_, err = r.lib.Multi(
			&zk.SetDataRequest{Path: birth, Version: -1},
			&zk.CreateRequest{Path: pathOf(valuesAt, key), Data: []byte(value), Acl: zk.WorldACL(zk.PermAll)},
		)
	}
	return err
}

// remove deletes a value, and notes that it did. Where there is none, none was when the
// answer was agreed on.
func remove(r *request, key string) error {
	_, err := r.lib.Multi(
		&zk.SetDataRequest{Path: pathOf(birthsAt, key), Version: -1},
		&zk.DeleteRequest{Path: pathOf(valuesAt, key), Version: -1},
	)
	if errors.Is(err, zk.ErrNoNode) {
		return nil
	}
	return err
}

// cas writes the value if it is as it was read, in the same life. The member that is read
// may be behind: then the versions tell, or the value does, and nothing is done.
func cas(r *request, op *history.Op) error {
	path, birth := pathOf(valuesAt, op.Key), pathOf(birthsAt, op.Key)
	if op.Old == "" {
		return bear(r, op.Key, op.Arg)
	}
	_, born, err := r.lib.Get(birth)
	if err != nil {
		op.Type = history.Fail
		return fmt.Errorf("read before cas: %w", err)
	}
	value, stat, err := r.lib.Get(path)
	if err != nil {
		op.Type = history.Fail
		return fmt.Errorf("read before cas: %w", err)
	}
	if string(value) != op.Old {
		op.Type = history.Fail
		return fmt.Errorf("its value is %.40q", value)
	}
	r.counts()
	_, err = r.lib.Multi(
		&zk.CheckVersionRequest{Path: birth, Version: born.Version},
		&zk.SetDataRequest{Path: path, Data: []byte(op.Arg), Version: stat.Version},
	)
	return err
}

// add puts a value at the end of a list: a child with a number that counts up.
func add(r *request, key, value string) error {
	list := pathOf(listsAt, key)
	for try := 0; ; try++ {
		r.counts()
		_, err := r.lib.Create(list+"/"+url.PathEscape(value)+"-", nil, zk.FlagSequence, zk.WorldACL(zk.PermAll))
		if !errors.Is(err, zk.ErrNoNode) || try > 0 {
			return err
		}
		if err := create(r.session, list); err != nil {
			r.counts()
			return fmt.Errorf("create %s: %w", list, err)
		}
	}
}
