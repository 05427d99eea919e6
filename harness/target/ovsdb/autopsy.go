package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/usurper/usurper/harness/target"
)

var _ target.Autopsied = (*Target)(nil)

// Autopsy has ovsdb-tool check the members' files against each other (check-cluster): one
// leader a term, one vote a member and term, one entry an index, and what is committed
// there for good. It prints nothing if all is well, and else what it found first.
func (t *Target) Autopsy(ctx context.Context, s target.Setup) ([]target.Remains, error) {
	check := "check-cluster"
	if t.o.Standalone {
		check = "show-log" // there is nobody to compare it with; it has to be readable
	}
	args, names := []string{"-vsyslog:off", check}, []string{"ovsdb-tool: ", ""}
	for _, m := range s.Members {
		path, err := filepath.Abs(filepath.Join(m.DataDir, databaseFile))
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return nil, fmt.Errorf("the file of %s: %w", m.Name, err)
		}
		args, names = append(args, path), append(names, path, m.Name)
	}
	err := s.Run(ctx, target.Command{Path: t.o.Tool, Args: args})
	var failed *target.Failed
	if errors.As(err, &failed) && failed.End == "exit status 1" && failed.Said != "" {
		said := strings.TrimSpace(strings.NewReplacer(names...).Replace(failed.Said))
		remains := target.Remains{Text: "ovsdb-tool " + check + ": " + said}
		if len(s.Members) == 1 {
			remains.Node = s.Members[0].Name
		}
		return []target.Remains{remains}, nil
	}
	return nil, err
}
