package nats_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/dialect/nats"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// The ids that servers n1, n2 and n3 have in their Rafts.
const n1, n2, n3 = "fjFyEjc1", "44jzkV9D", "BXScrY9i"

func words(numbers ...uint64) string {
	var b []byte
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return string(b)
}

// says is a message of a route, with the words before its length.
func says(args, body string) string {
	return fmt.Sprintf("RMSG %s %d\r\n%s\r\n", args, len(body), body)
}

func info(name string) string {
	return `INFO {"server_id":"N` + name + `","server_name":"` + name + `","version":"2.15.2","host":"127.0.0.1","port":1}` + "\r\n"
}

func entry(kind byte, data string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(data)+1))) + string(kind) + data
}

func appends(group, leader string, term, commit, prevTerm, prev uint64, entries ...string) string {
	body := leader + words(term, commit, prevTerm, prev) + string(binary.LittleEndian.AppendUint16(nil, uint16(len(entries)))) + strings.Join(entries, "") + "\x00"
	return says("$NRG.AE."+group+" $NRG.R.areply"+leader[:2], body)
}

func asks(group, candidate string, term, lastTerm, last uint64) string {
	return says("$NRG.V."+group+" $NRG.R.vreply"+candidate[:2], words(term, lastTerm, last)+candidate)
}

func votes(candidate, voter string, term uint64, flags byte) string {
	return says("$NRG.R.vreply"+candidate[:2], words(term)+voter+string(flags))
}

func appended(leader, peer string, term, index uint64, ok byte) string {
	return says("$NRG.R.areply"+leader[:2], words(term, index)+peer+string(ok))
}

func peers(ids ...string) string {
	size := uint32(len(ids))
	b := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, size), size)
	return entry(2, string(b)+strings.Join(ids, "")+"\x00\x00")
}

// routes is a cluster of three servers.
type routes struct {
	watch  *tap.Watch
	events []history.Raft
	ends   map[string]interface {
		Next([]byte) (int, string, error)
	}
}

// connect opens routes between all servers, each of which has introduced itself.
func connect(t testing.TB) *routes {
	r := &routes{ends: make(map[string]interface {
		Next([]byte) (int, string, error)
	})}
	r.watch = nats.Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) { r.events = append(r.events, e) })
	for _, pair := range []string{"n1 n2", "n1 n3", "n2 n3"} {
		from, to, _ := strings.Cut(pair, " ")
		r.ends[from+" "+to], r.ends[to+" "+from] = r.watch.Open(from, to)
	}
	for link := range r.ends {
		from, _, _ := strings.Cut(link, " ")
		r.say(t, link, "CONNECT {\"echo\":true}\r\n"+info(from)+"PING\r\nRS+ $SYS a.b\r\n")
	}
	return r
}

// say passes on whole frames, and returns their classes.
func (r *routes) say(t testing.TB, link, text string) (classes []string) {
	for b := []byte(text); len(b) > 0; {
		n, class, err := r.ends[link].Next(b)
		require.NoError(t, err)
		require.NotZero(t, n, "%q", b)
		classes, b = append(classes, class), b[n:]
	}
	return classes
}

// told lists what the tap told of, in short.
func (r *routes) told() (all []string) {
	for _, e := range r.events {
		text := fmt.Sprintf("%s%s %s %d", e.Group, e.Node, e.What, e.Term)
		switch e.What {
		case history.RaftVote:
			text += fmt.Sprintf(" %s %v", e.Peer, e.Granted)
		case history.RaftConfig:
			text += fmt.Sprint(" ", e.Voters)
		}
		all = append(all, text)
	}
	return all
}

func TestElection(t *testing.T) {
	r := connect(t)
	for _, link := range []string{"n1 n2", "n1 n3"} {
		require.Equal(t, []string{"vote"}, r.say(t, link, asks("_meta_", n1, 1, 0, 0)))
	}
	r.say(t, "n1 n2", asks("_meta_", n1, 1, 0, 0)) // the preferred leader repeats itself
	require.Equal(t, []string{"vote-response"}, r.say(t, "n2 n1", votes(n1, n2, 1, 2)))
	r.say(t, "n3 n1", votes(n1, n3, 1, 3))
	require.Equal(t, []string{"append"}, r.say(t, "n1 n2", appends("_meta_", n1, 1, 0, 0, 0, peers(n1, n2, n3))))
	require.Equal(t, []string{"heartbeat"}, r.say(t, "n1 n3", appends("_meta_", n1, 1, 1, 1, 1)))
	require.Equal(t, []string{"append-response"}, r.say(t, "n2 n1", appended(n1, n2, 1, 1, 1)))
	require.Equal(t, []string{
		"n1 candidate 1", "n2 vote 1 n1 false", "n3 vote 1 n1 true", "n1 leader 1",
	}, r.told()[:4])
	require.NotContains(t, strings.Join(r.told(), "\n"), "config", "all members are the meta group's voters")
	require.Empty(t, r.watch.Strange())
}

// An answer is of the group of the message whose reply subject it has, whichever
// connection that took.
func TestAnswersFindTheirGroup(t *testing.T) {
	r := connect(t)
	r.say(t, "n1 n2", asks("_meta_", n1, 7, 6, 5))
	r.say(t, "n2 n1", asks("S-R3F-abc", n2, 2, 1, 1))
	r.say(t, "n1 n2", votes(n2, n1, 2, 1))
	again, _ := r.watch.Open("n2", "n1") // another route of the same two
	r.ends["again"] = again
	r.say(t, "again", info("n2")+votes(n1, n2, 7, 0))
	require.Equal(t, []string{
		"n1 candidate 7", "S-R3F-abcn2 candidate 2", "S-R3F-abcn1 vote 2 n2 true", "n2 vote 7 n1 false",
	}, r.told())
	require.Equal(t, []string{"unknown"}, r.say(t, "n1 n3", says("$NRG.R.neverbef", words(1)+n1+"\x01")))
	require.Equal(t, map[string]uint64{"an answer to a message that was not seen": 1}, r.watch.Strange())
}

// A list of voters is told once all of them have introduced themselves.
func TestVoters(t *testing.T) {
	r := connect(t)
	const stranger, name = "oOmETQrn", "s0"
	r.say(t, "n1 n2", appends("S-R3F-abc", n1, 1, 0, 0, 0, peers(n1, n2, stranger)))
	require.NotContains(t, strings.Join(r.told(), "\n"), "config")
	late, _ := r.watch.Open("n4", "n1")
	r.ends["n4 n1"] = late
	r.say(t, "n4 n1", info(name))
	require.Contains(t, r.told(), "S-R3F-abc config 0 [n1 n2 n4]")
	r.say(t, "n1 n2", appends("S-R3F-abc", n1, 1, 0, 1, 1, entry(3, n3)))
	require.Contains(t, r.told(), "S-R3F-abc config 0 [n1 n2 n4 n3]")
	r.say(t, "n1 n2", appends("S-R3F-abc", n1, 1, 0, 1, 2, entry(4, n3)))
	require.Equal(t, "S-R3F-abc config 0 []", r.told()[len(r.told())-1])
}

// The meta group begins without knowing its servers, and counts those whom its leader has added.
func TestGathering(t *testing.T) {
	r := connect(t)
	first := strings.Replace(peers(n1), "\x01", "\x02", 1) // one of two is known
	r.say(t, "n1 n2", appends("_meta_", n1, 1, 0, 0, 0, first))
	for _, link := range []string{"n1 n2", "n1 n3"} {
		r.say(t, link, appends("_meta_", n1, 1, 0, 1, 1, entry(3, n3)))
	}
	r.say(t, "n1 n3", appends("_meta_", n1, 1, 2, 1, 2, entry(3, n2)))
	var configs []string
	for _, e := range r.events {
		if e.What == history.RaftConfig {
			configs = append(configs, fmt.Sprint(e.Group, e.EntryTerm, e.Index, e.Voters, e.Learners, e.Outgoing))
		}
	}
	require.Equal(t, []string{"1 2 [n1 n3] [n2] [n1 n2 n3]", "1 3 [n1 n3 n2] [] []"}, configs)
}

// What is caught up was first sent in another term, perhaps by another leader.
func TestCatchingUpProvesNoLead(t *testing.T) {
	r := connect(t)
	r.say(t, "n1 n2", appends("_meta_", n1, 5, 9, 5, 9))
	behind := says("$NRG.R.areply"+n1[:2]+" $NRG.CR.catchup1", words(5, 3)+n2+"\x00")
	require.Equal(t, []string{"append-response"}, r.say(t, "n2 n1", behind))
	old := says("$NRG.CR.catchup1 $NRG.CP.progress", n3+words(3, 9, 3, 3)+"\x01\x00"+entry(0, "x")+"\x05")
	require.Equal(t, []string{"catch-up"}, r.say(t, "n1 n2", old))
	require.Equal(t, []string{"append-response"}, r.say(t, "n2 n1", says("$NRG.CP.progress", words(0, 0)+n2+"\x01")))
	require.Equal(t, []string{"n1 leader 5"}, r.told())
	require.Empty(t, r.watch.Strange())
}

// What is not Raft's passes: of other accounts, with headers, with queues.
func TestOtherMessages(t *testing.T) {
	r := connect(t)
	for text, class := range map[string]string{
		says("$G orders", "x"):                                        "message",
		says("$G orders + reply q1 q2", "x"):                          "message",
		"HMSG $G a reply 12 15\r\nNATS/1.0\r\n\r\nabc":                "message",
		says("$G _INBOX.x", "\r\nRMSG "):                              "message",
		says("$NRG.P._meta_", "{}"):                                   "propose",
		says("$SYS $NRG.V._meta_ $NRG.R.vreplyXX", words(3, 1, 1)+n1): "vote",
		says("$NRG.Q.x", ""):                                          "unknown",
		"PONG\r\n":                                                    "control",
		info("other"):                                                 "control",
	} {
		if strings.HasPrefix(text, "HMSG") {
			text += "\r\n"
		}
		require.Equal(t, []string{class}, r.say(t, "n1 n2", text), text)
	}
	require.Equal(t, map[string]uint64{"a message under $NRG.Q": 1}, r.watch.Strange())
}

func TestUndecodable(t *testing.T) {
	for text, want := range map[string]string{
		"\x16\x03\x01\x02\x00":                "leave tls out",
		info("n1") + "\xff\x06\x00\x00sNaPpY": "leave compression out",
		"\xff\x06\x00\x00S2sTwO":              "leave compression out",
		`INFO {"server_id":"x","server_name":"n1","tls_required":true}` + "\r\n": "leave tls out",
		"\x00\x00\x00\x10":                                            "no NATS route",
		"GET /raft HTTP/1.1\r\n":                                      "no NATS route",
		says("$NRG.V.g $NRG.R.vreplyXX", words(1, 0, 0)+n1):           "before any INFO",
		`INFO {"id":1}` + "\r\n":                                      "without server_id",
		info("n1") + "RMSG a x\r\n":                                   "no NATS route",
		info("n1") + "RMSG a\r\n":                                     "no NATS route",
		info("n1") + "RMSG a b 99999999\r\n":                          "99999999 bytes",
		info("n1") + "RMSG a b 1\r\nxyz":                              "ends in",
		info("n1") + asks("g", n2, 1, 0, 0):                           "it is from",
		info("n1") + says("$NRG.AE.g $NRG.R.areplyXX", "short"):       "too short",
		info("n1") + appends("g", n1, 1, 0, 0, 0, "\xff\xff\x00\x00"): "too short",
		strings.Repeat("x", 1<<17):                                    "no NATS route",
		"PING" + strings.Repeat(" ", 1<<17):                           "over 64 KiB",
	} {
		w := nats.Dialect().Watch([]string{"n1", "n2"}, func(history.Raft) {})
		end, _ := w.Open("n1", "n2")
		var err error
		for b := []byte(text); err == nil && len(b) > 0; {
			var n int
			if n, _, err = end.Next(b); n == 0 && err == nil {
				break
			}
			b = b[n:]
		}
		require.ErrorContains(t, err, want, "%.40q", text)
	}
	w := nats.Dialect().Watch([]string{"n1", "n2"}, func(history.Raft) {})
	one, other := w.Open("n1", "n2")
	_, _, err := one.Next([]byte(info("n1")))
	require.NoError(t, err)
	_, _, err = other.Next([]byte(info("n1")))
	require.ErrorContains(t, err, "introduces itself")
}

func TestBegins(t *testing.T) {
	begins := nats.Dialect().Begins
	require.True(t, begins([]byte(info("n1"))))
	require.True(t, begins([]byte(`CONNECT {"echo":true,"verbose":false}`)))
	require.False(t, begins([]byte("INFO")))
	require.False(t, begins([]byte("POST /raft")))
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte(appends("_meta_", n1, 1, 0, 0, 0, peers(n1, n2, n3), entry(0, "x"))), uint8(3))
	f.Add([]byte(asks("S-R3F-x", n1, 1, 0, 0)+votes(n1, n1, 1, 3)+appended(n1, n1, 1, 1, 1)), uint8(1))
	f.Add([]byte("HMSG $G a b 12 13\r\nNATS/1.0\r\n\r\na\r\nPING\r\nINFO {}\r\n"), uint8(7))
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		b = append([]byte(info("n1")), b...)
		whole, failed := decode(b, len(b))
		parts, partsFailed := decode(b, int(step%32)+1)
		require.Equal(t, whole, parts)
		require.Equal(t, failed == nil, partsFailed == nil)
	})
}

// decode reads one direction in pieces, and returns the frames as far as they go.
func decode(b []byte, step int) (frames []string, err error) {
	w := nats.Dialect().Watch([]string{"n1", "n2"}, func(e history.Raft) { frames = append(frames, fmt.Sprint(e.What, e.Term, e.Group)) })
	end, _ := w.Open("n1", "n2")
	var pending []byte
	for ; len(b) > 0; b = b[min(step, len(b)):] {
		pending = append(pending, b[:min(step, len(b))]...)
		for len(pending) > 0 {
			n, class, err := end.Next(pending)
			if err != nil {
				return frames, err
			}
			if n == 0 {
				break
			}
			frames, pending = append(frames, fmt.Sprint(n, class)), pending[n:]
		}
	}
	return frames, nil
}

func BenchmarkDecoder(b *testing.B) {
	for name, text := range map[string]string{
		"heartbeat": appends("_meta_", n1, 3, 9, 3, 9),
		"answer":    appended(n1, n1, 3, 9, 1),
		"append":    appends("S-R3F-abcdefgh", n1, 3, 9, 3, 9, entry(0, strings.Repeat("x", 200))),
		"message":   says("$G lists.l1 _INBOX.abcdefghijklmnopqrst.abcdefgh", strings.Repeat("x", 200)),
	} {
		b.Run(name, func(b *testing.B) {
			dialect, decoders := nats.Dialect(), make(chan tap.Decoder, 1)
			open := dialect.Open
			dialect.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
				forward, _ := open(c)("n1", "n2")
				decoders <- forward
				return open(c)
			}
			dialect.Watch(nil, nil)
			forward := <-decoders
			var m tap.Message
			for _, text := range []string{info("n1"), appends("_meta_", n1, 3, 9, 3, 9)} {
				if _, _, err := forward.Next([]byte(text), &m); err != nil {
					b.Fatal(err)
				}
			}
			frame := []byte(text)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				m = tap.Message{}
				if n, _, err := forward.Next(frame, &m); n != len(frame) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
