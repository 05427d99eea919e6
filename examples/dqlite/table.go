package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/canonical/go-dqlite/driver"
)

// table is the values by key.
type table struct {
	db    *sql.DB
	plain bool
}

func open(m *member) (*table, error) {
	d, err := driver.New(m.store(), driver.WithDialFunc(m.dial))
	if err != nil {
		return nil, err
	}
	connector, err := d.OpenConnector("values.db")
	if err != nil {
		return nil, err
	}
	return &table{db: sql.OpenDB(connector), plain: m.plainReads}, nil
}

func (t *table) create(ctx context.Context) error {
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS kv (k TEXT PRIMARY KEY, v TEXT)",
		"CREATE TABLE IF NOT EXISTS reads (id INTEGER PRIMARY KEY, n INTEGER)",
		"INSERT OR IGNORE INTO reads VALUES (1, 0)",
	} {
		if _, err := t.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// command is what a client asks for.
type command struct {
	F     string `json:"f"` // get, put or cas
	Key   string `json:"key"`
	Value string `json:"value"`
	Old   string `json:"old"` // of cas; "" for no value
}

// answer is what it is told.
type answer struct {
	Done  bool   `json:"done"` // a cas that found another value was not
	Value string `json:"value,omitempty"`
}

// errRefused is for what certainly was not done.
var errRefused = errors.New("refused")

// do carries out a command on one connection, and never twice: given a pool,
// database/sql repeats a statement whose connection was lost, though it may have been done.
func (t *table) do(ctx context.Context, c command) (answer, error) {
	conn, err := t.db.Conn(ctx)
	if err != nil {
		return answer{}, errors.Join(errRefused, err)
	}
	defer conn.Close()
	if c.F == "get" {
		value, err := t.get(ctx, conn, c.Key)
		return answer{Done: true, Value: value}, err
	}
	var result sql.Result
	switch {
	case c.F == "put":
		result, err = conn.ExecContext(ctx, "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v", c.Key, c.Value)
	case c.Old == "":
		result, err = conn.ExecContext(ctx, "INSERT OR IGNORE INTO kv VALUES (?, ?)", c.Key, c.Value)
	default:
		result, err = conn.ExecContext(ctx, "UPDATE kv SET v = ? WHERE k = ? AND v = ?", c.Value, c.Key, c.Old)
	}
	var failed driver.Error
	switch {
	case errors.As(err, &failed) && failed.Code&0xff == driver.ErrBusy:
		return answer{}, errors.Join(errRefused, err) // another statement has the lock
	case err != nil:
		return answer{}, err
	}
	n, err := result.RowsAffected()
	return answer{Done: n > 0}, err
}

// get reads a value. A leader that was replaced and does not know may answer a read, so
// one that must be of now writes first, in one transaction.
func (t *table) get(ctx context.Context, conn *sql.Conn, key string) (string, error) {
	const read = "SELECT v FROM kv WHERE k = ?"
	var value string
	if t.plain {
		err := conn.QueryRowContext(ctx, read, key).Scan(&value)
		return value, present(err)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "UPDATE reads SET n = n + 1 WHERE id = 1"); err != nil {
		return "", err
	}
	if err := present(tx.QueryRowContext(ctx, read, key).Scan(&value)); err != nil {
		return "", err
	}
	return value, tx.Commit()
}

// present lets there be no value.
func present(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// server answers clients.
type server struct {
	member *member
	table  *table
}

// ServeHTTP carries out an operation: 200 if it was done, or a cas found another value;
// 421 if nothing was; else nobody knows.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.member.within)
	defer cancel()
	a, err := s.table.do(ctx, c)
	switch {
	case err == nil:
		json.NewEncoder(w).Encode(a)
	case errors.Is(err, errRefused):
		http.Error(w, err.Error(), http.StatusMisdirectedRequest)
	case s.member.ackUnanswered && c.F == "put":
		json.NewEncoder(w).Encode(answer{Done: true})
	default:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}
