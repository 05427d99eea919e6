package serve

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoMayAsk(t *testing.T) {
	for _, c := range []struct{ listen, token, want string }{
		{"0.0.0.0:0", "", "say what they must know, such as --token "},
		{":0", "", "--token"},
		{"[::]:0", "", "--token"},
		{"192.0.2.1:80", "", "--token"},
		{"example.org:80", "", "--token"},
		{"127.0.0.1:0", "short", "use at least 16"},
		{"127.0.0.1", "", "use a host and a port"},
	} {
		_, err := New(t.TempDir(), Options{Listen: c.listen, Token: c.token})
		require.ErrorContains(t, err, c.want, c.listen)
	}
	_, err := New(t.TempDir()+"/none", Options{Listen: "127.0.0.1:0"})
	require.ErrorContains(t, err, "name a directory with runs")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = New(t.TempDir(), Options{Listen: taken.Addr().String()})
	require.ErrorContains(t, err, "address already in use")
	require.ErrorContains(t, err, "name another address with --listen")
}

// A name that somebody has point at this machine is not answered to, nor is who writes.
func TestRebinding(t *testing.T) {
	s := up(t, t.TempDir(), Options{})
	ask := func(method, host string) *http.Response {
		r, err := http.NewRequest(method, s.at+"/", nil)
		require.NoError(t, err)
		r.Host = host
		answer, err := s.web.Do(r)
		require.NoError(t, err)
		answer.Body.Close()
		return answer
	}
	for host, want := range map[string]int{
		"localhost": 200, "localhost:1234": 200, "127.0.0.1:1": 200, "127.1.2.3": 200, "[::1]:80": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:80": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "192.0.2.1": 403, "0.0.0.0": 403,
	} {
		require.Equal(t, want, ask("GET", host).StatusCode, host)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT-ME"} {
		require.Equal(t, http.StatusMethodNotAllowed, ask(method, "localhost").StatusCode, method)
	}
	head := ask("HEAD", "localhost")
	require.Equal(t, http.StatusOK, head.StatusCode)
	require.Contains(t, head.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, head.Header.Get("Content-Security-Policy"), "script-src")
	require.Equal(t, "nosniff", head.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", head.Header.Get("Referrer-Policy"))
}

// The token is said once, in the address, and is in none after.
func TestToken(t *testing.T) {
	const token = "0123456789abcdef&x=/"
	dir := t.TempDir()
	run(t, dir, "one", "valid", "", "")
	s := up(t, dir, Options{Token: token, Listen: "0.0.0.0:0"})
	require.True(t, strings.HasPrefix(s.s.URL(), "http://127.0.0.1:"))
	for _, path := range []string{"/", "/run/one", "/picture/one", "/events/one", "/file/one/plan.txt", "/zip/one", "/style.css", "/?token=wrong", "/?token="} {
		status, text, _ := s.get(path)
		require.Equal(t, http.StatusUnauthorized, status, path)
		require.NotContains(t, text, "at 1s kill")
	}
	s.web.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, _, head := s.get("//evil.example/x" + s.s.guard.query() + "&verdict=valid")
	require.Equal(t, http.StatusSeeOther, status)
	require.Equal(t, "/evil.example/x?verdict=valid", head.Get("Location"))
	cookie := head.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Strict")
	require.NotContains(t, cookie, token)
	require.Contains(t, s.ok("/file/one/plan.txt"), "at 1s kill")
}
