package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/usurper/usurper/harness/target"
)

// maxGofail bounds what is read of an answer of gofail.
const maxGofail = 4 << 10

// failpoint arms or disarms a failpoint over gofail's HTTP interface, which is
// there if the binary was built with it and GOFAIL_HTTP says where.
func failpoint(ctx context.Context, addr, operation string, args []string) (map[string]int64, error) {
	switch {
	case addr == "":
		return nil, fmt.Errorf("no address for failpoints: %w", target.ErrUnsupported)
	case operation == "arm" && len(args) == 2:
		term, err := gofailTerm(args[1])
		if err != nil {
			return nil, err
		}
		_, err = gofail(ctx, http.MethodPut, addr, args[0], term)
		return map[string]int64{"armed": 1}, err
	case operation == "disarm" && len(args) == 1:
		return disarm(ctx, addr, args[0])
	}
	return nil, fmt.Errorf("%w: %s %q", target.ErrRefused, operation, args)
}

// gofailTerm puts an action into gofail's words, where a sleep counts
// milliseconds.
func gofailTerm(action string) (string, error) {
	inner, ok := strings.CutPrefix(action, "sleep(")
	if !ok && action == "panic" {
		return "panic", nil
	}
	d, err := time.ParseDuration(strings.TrimSuffix(inner, ")"))
	if !ok || err != nil || d < time.Millisecond {
		return "", fmt.Errorf("%w: no action of a failpoint: %s", target.ErrRefused, action)
	}
	return fmt.Sprintf("sleep(%d)", d.Milliseconds()), nil
}

// disarm asks how often the failpoint was passed, which gofail tells from 0.2 on,
// and takes it out. One that is out already, because the process is another one,
// was passed nobody knows how often: 0.
func disarm(ctx context.Context, addr, name string) (map[string]int64, error) {
	var passages int64
	if count, err := gofail(ctx, http.MethodGet, addr, name+"/count", ""); err == nil {
		passages, _ = strconv.ParseInt(strings.TrimSpace(count), 10, 64)
	} else if !errors.Is(err, target.ErrRefused) {
		return nil, err
	}
	if _, err := gofail(ctx, http.MethodDelete, addr, name, ""); err != nil && !errors.Is(err, target.ErrRefused) {
		return nil, err
	}
	return map[string]int64{"passages": passages}, nil
}

// gofail sends one request. ErrRefused means that gofail answered with an error.
func gofail(ctx context.Context, method, addr, name, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+"/"+name, strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("failpoint %s: %w", name, err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "", fmt.Errorf("failpoint %s: nobody answers at %s, so the binary was built without failpoints: %w", name, addr, target.ErrUnsupported)
	}
	if err != nil {
		return "", fmt.Errorf("failpoint %s: %w", name, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxGofail))
	if err != nil {
		return "", fmt.Errorf("failpoint %s: %w", name, err)
	}
	if resp.StatusCode >= 300 {
		return "", fmt.Errorf("failpoint %s: %w: %s: %.200s", name, target.ErrRefused, resp.Status, strings.TrimSpace(string(answer)))
	}
	return string(answer), nil
}
