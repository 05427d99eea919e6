package history

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fillFields sets about half of the fields of a struct to values of a recorder.
func fillFields(r *rand.Rand, v reflect.Value, texts []string) {
	for i := range v.NumField() {
		f := v.Field(i)
		if r.IntN(2) == 0 {
			continue
		}
		text := func() string { return texts[r.IntN(len(texts))] }
		switch f.Kind() {
		case reflect.String:
			f.SetString(text())
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int, reflect.Int64:
			f.SetInt([]int64{1, -7, 99, math.MaxInt64, math.MinInt64}[r.IntN(5)])
		case reflect.Uint64:
			f.SetUint([]uint64{1, 12, math.MaxUint64, math.MaxInt64 + 1}[r.IntN(4)])
		case reflect.Struct:
			f.Set(reflect.ValueOf(Pos{Term: r.Uint64() >> r.IntN(64), Index: uint64(r.IntN(3))}))
		case reflect.Slice:
			switch f.Type().Elem().Kind() {
			case reflect.String:
				f.Set(reflect.ValueOf([]string{text(), text()}))
			case reflect.Uint8:
				b := make([]byte, r.IntN(24))
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				f.SetBytes(b)
			case reflect.Struct:
				micros := make([]Micro, 1+r.IntN(3))
				for i := range micros {
					fillFields(r, reflect.ValueOf(&micros[i]).Elem(), texts)
					micros[i].F = FRead
				}
				f.Set(reflect.ValueOf(micros))
			}
		}
	}
}

// same parses a line both ways. Whatever the parser takes, encoding/json takes
// too and means the same by it.
func same(t *testing.T, p *parser, line []byte) (taken bool) {
	line, _, _ = bytes.Cut(line, []byte("\n"))
	got, next := p.event(append(append(slices.Clone(line), '\n'), make([]byte, margin)...), 0, &Batch{size: 1})
	if got == nil {
		return false
	}
	require.Equal(t, len(line)+1, next, "%s", line)
	want := new(Event)
	require.NoError(t, json.Unmarshal(line, want), "%s", line)
	require.Equal(t, want, got, "%s", line)
	return true
}

func TestParserAgreesWithJSON(t *testing.T) {
	p := newParser()
	plain := []string{"n1", "r0-17", "c1-22", "not the leader", "a long text of more than thirty-two bytes, it is"}
	odd := append([]string{"", `a "quote"`, "<&>", "\n", "é", "\u2028", "\xff", `back\slash`, "\x7f"}, plain...)
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 1))
		texts := plain
		if seed%2 == 0 {
			texts = odd
		}
		e := Event{Seq: r.Uint64() >> r.IntN(64)}
		if e.Op = new(Op); r.IntN(2) == 0 {
			e.Op, e.Raft = nil, new(Raft)
			fillFields(r, reflect.ValueOf(e.Raft).Elem(), texts)
		} else {
			fillFields(r, reflect.ValueOf(e.Op).Elem(), texts)
		}
		line, err := json.Marshal(&e)
		require.NoError(t, err)
		same(t, &p, line)
		for range 4 { // lines that are nearly right
			bad := []byte(string(line))
			switch at := r.IntN(len(bad)); r.IntN(3) {
			case 0:
				bad[at] = `{}[]",:0-9 tfan\`[r.IntN(16)]
			case 1:
				bad = append(bad[:at], bad[at+1:]...)
			case 2:
				bad = bad[:at]
			}
			same(t, &p, bad)
		}
	}
}

// What a recorder writes of clients and members is not left to encoding/json,
// or reading gets slow without anybody noticing.
func TestParserTakesWhatTheRecorderWrites(t *testing.T) {
	p := newParser()
	for _, line := range []string{
		`{"n":108720,"t":16924805034,"raft":{"src":"trace","node":"n5","inc":1,"seq":12731,"mono":12450620415833,"what":"append","term":1,"peer":"n1","from":8055,"to":8055,"eterm":1,"hashes":"BZ6f24YjRGc="}}`,
		`{"n":12355,"t":2062743905,"raft":{"src":"tap","node":"n2","seq":241,"what":"ack","stage":"sent","term":1,"peer":"n1","last":{"term":1,"index":926},"eterm":1,"index":926}}`,
		`{"n":50547,"t":8009841318,"raft":{"src":"trace","node":"n5","seq":5884,"what":"commit","term":1,"eterm":1,"index":3758,"hash":18446744073709551615,"lead":true}}`,
		`{"n":143565,"t":22093800758,"op":{"process":5,"type":"fail","f":"cas","key":"r1-89","arg":"c7-818","old":"c7-816","got":"c7-817","saw":true,"node":"n1","sends":2,"error":"it was another"}}`,
		`{"n":1,"t":2,"op":{"process":1073741831,"type":"ok","f":"read","key":"l0-84","list":["a","b"],"node":"n1","request":"c0-0/1984","final":true}}`,
		`{"n":7,"t":8,"op":{"process":3,"type":"ok","f":"txn","txn":[{"f":"append","key":"t0","arg":"c3-1"},{"f":"read","key":"t1","list":["c1-9","c2-4"],"saw":true}],"node":"n1"}}`,
	} {
		require.True(t, same(t, &p, []byte(line)), line)
	}
}

// A new kind of field needs its case in the parser, or its lines are read by
// encoding/json.
func TestParserKnowsTheFields(t *testing.T) {
	for _, payload := range []any{Op{}, Raft{}} {
		kind := reflect.TypeOf(payload)
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			value := map[reflect.Kind]string{
				reflect.String: `"x"`, reflect.Bool: "true", reflect.Struct: `{"term":1,"index":2}`, reflect.Slice: `["x"]`,
			}[kind.Field(i).Type.Kind()]
			switch {
			case value == "":
				value = strconv.Itoa(i)
			case name == "hashes":
				value = `"AAAAAAAAAAA="`
			case name == "txn":
				value = `[{"f":"append","key":"x","arg":"1"},{"f":"read","key":"y","list":["a","b"],"saw":true}]`
			}
			p := newParser()
			line := `{"n":1,"t":2,"` + strings.ToLower(kind.Name()) + `":{"` + name + `":` + value + `}}`
			require.True(t, same(t, &p, []byte(line)), line)
		}
	}
}

func FuzzParser(f *testing.F) {
	f.Add([]byte(`{"n":1,"t":-2,"op":{"process":1,"type":"ok","f":"read","list":["a","b"],"final":true}}`))
	f.Add([]byte(`{"n":1,"t":2,"raft":{"src":"tap","node":"n2","seq":241,"last":{"term":1,"index":926},"hashes":"AAAAAAAAAAA="}}`))
	f.Add([]byte(`{"n":1,"t":2,"op":{"f":"txn","txn":[{"f":"append","key":"x","arg":"1"},{"f":"read","key":"y","list":["a"],"saw":true}]}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		p := newParser()
		same(t, &p, line)
	})
}
