package serve

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard decides who may ask.
type guard struct {
	loopback bool
	token    string
	session  string // what the cookie of who knew the token holds
	cookie   string
}

func newGuard(o Options) (guard, error) {
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return guard{}, fmt.Errorf("serve: --listen %q: use a host and a port such as 127.0.0.1:8080: %w", o.Listen, err)
	}
	g := guard{loopback: isLoopback(host), token: o.Token, session: rand.Text()}
	switch {
	case !g.loopback && o.Token == "":
		return g, fmt.Errorf("serve: --listen %s lets other machines look: say what they must know, such as --token %s", o.Listen, rand.Text())
	case o.Token != "" && len(o.Token) < ShortestToken:
		return g, fmt.Errorf("serve: the token has %d characters: use at least %d, such as --token %s", len(o.Token), ShortestToken, rand.Text())
	}
	return g, nil
}

// port names the cookie after the port: browsers have one jar for all ports of a host.
func (g *guard) port(a net.Addr) {
	_, port, _ := net.SplitHostPort(a.String())
	g.cookie = "usurper-" + port
}

func (g *guard) query() string {
	if g.token == "" {
		return ""
	}
	return "?token=" + url.QueryEscape(g.token)
}

// isLoopback tells whether a host of a URL or an address is this machine alone. The empty
// one is all of its addresses.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// policy is the Content-Security-Policy of all pages but those that draw: they have no
// script at all.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// wrap lets through who may ask, and says to browsers what answers may do.
func (g *guard) wrap(s *Server, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		if g.loopback && !isLoopback(hostOf(r.Host)) {
			// A page of somebody's that has its name point at this machine asks by that name.
			s.problem(w, http.StatusForbidden, "This server answers to localhost and 127.0.0.1 only.")
			return
		}
		if !g.knows(w, r, s) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is a host without its port.
func hostOf(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

// knows tells whether who asks knows the token, and answers if not, or if the token is to
// go out of the address.
func (g *guard) knows(w http.ResponseWriter, r *http.Request, s *Server) bool {
	if g.token == "" {
		return true
	}
	if c, err := r.Cookie(g.cookie); err == nil && equal(c.Value, g.session) {
		return true
	}
	query := r.URL.Query()
	if !equal(query.Get("token"), g.token) {
		s.problem(w, http.StatusUnauthorized, "This server asks for its token once: add ?token=… to the address, as usurper serve prints it.")
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: g.cookie, Value: g.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	query.Del("token")
	to := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: query.Encode()} // never another host
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
	return false
}

// equal compares in a time that tells nothing, not even the length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
