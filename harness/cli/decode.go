package cli

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/dialect"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/tap"
)

func decodeCommand() *cobra.Command {
	var protocol string
	var members []string
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "decode CAPTURE",
		Short: "Read a packet capture as usurper's taps read the wire",
		Long: `Decode prints each message that members say to each other in a packet capture,
and what elections may be judged by. A line beginning with an arrow is what the
tap concludes from the message above it; one beginning with # is a comment in the
capture, such as a fault.

CAPTURE is a pcapng or pcap file (also compressed by gzip), of usurper run
--capture, tcpdump or tshark, a run directory that has one, or - for standard input.
A run whose taps read a protocol is read as that unless --protocol says otherwise. Members of a capture of other
programs have their addresses for names, unless --member says who listens where.

The exit status is 0 if every byte could be decoded, else 2.`,
		Example: `  usurper run --target etcd --version v3.6.16 --capture
  usurper decode results/latest
  tcpdump -i lo -w - tcp port 7000 | usurper decode - --protocol hashicorp-raft
  usurper decode store.pcap --protocol hashicorp-raft --member n1=127.0.0.1:7000 --member n2=127.0.0.2:7000`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := protocolOf(cmp.Or(protocol, spoken(args[0])))
			if err != nil {
				return err
			}
			who, err := parseMembers(members)
			if err != nil {
				return err
			}
			file, err := openCapture(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer file.Close()
			out := bufio.NewWriter(cmd.OutOrStdout())
			p := &decodePrinter{out: out, quiet: quiet}
			say, end := p.item, p.end
			if asJSON {
				j := decodeJSON{json.NewEncoder(out), quiet}
				say, end = j.item, j.end
			}
			done, err := capture.Decode(file, d, who, say)
			if err == nil {
				err = end(done)
			}
			if err := errors.Join(err, out.Flush()); err != nil {
				return err
			}
			return undecoded(done, p.looks)
		},
	}
	cmd.Flags().StringVar(&protocol, "protocol", "", "what members speak: "+strings.Join(dialect.Names(), ", "))
	cmd.Flags().StringArrayVar(&members, "member", nil, "who listens where in a capture of another program's, such as n1=127.0.0.1:7001; may be given several times")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "leave out messages from which nothing follows")
	cmd.RegisterFlagCompletionFunc("protocol", cobra.FixedCompletions(dialect.Names(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// spoken is what the taps of a run that is to be decoded read, "" if there were none.
func spoken(path string) string {
	dir, err := results.Open(path)
	if err != nil {
		return ""
	}
	f, err := dir.OpenHistory()
	if err != nil {
		return ""
	}
	h, err := history.Of(f)
	if err != nil {
		return ""
	}
	defer h.Close()
	begin, err := h.Next()
	if err != nil || begin.Run == nil || begin.Run.Wire == nil {
		return ""
	}
	return begin.Run.Wire.Dialect
}

func protocolOf(name string) (tap.Dialect, error) {
	if name == "" {
		return tap.Dialect{}, fmt.Errorf("decode as what? name a protocol: --protocol %s", strings.Join(dialect.Names(), ", "))
	}
	return dialect.Named(name)
}

func parseMembers(texts []string) (members []capture.Member, err error) {
	for _, text := range texts {
		m, err := capture.ParseMember(text)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

// openCapture finds the capture that an argument means.
func openCapture(path string, in io.Reader) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(in), nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dir, err := results.Open(path)
		if err != nil {
			return nil, err
		}
		path = dir.Path(results.CaptureFile)
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%s has no capture: make the run with --capture", dir)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	return f, nil
}

// undecoded is the error of a capture that was not read to its end, with what it looks
// like.
func undecoded(d capture.Decoded, looks string) error {
	switch n := d.Undecoded(); {
	case n > 0:
		return fmt.Errorf("%s could not be decoded%s", english.Plural(int(n), "byte", ""), looks)
	case d.CutShort != "":
		return fmt.Errorf("the file is cut short: %s", d.CutShort)
	case len(d.Conns) == 0:
		return errors.New("there is no TCP connection that carries anything in it")
	}
	return nil
}

// decodePrinter prints for people.
type decodePrinter struct {
	out   io.Writer
	quiet bool
	begun time.Time
	last  *capture.Item // a frame that is printed only if something follows from it
	looks string        // what bytes that cannot be decoded look like
}

func (p *decodePrinter) item(i capture.Item) error {
	if i.Trouble != nil {
		p.looks = cmp.Or(p.looks, dialect.Explain(i.Trouble.Err))
		i.Trouble.Err = explained{i.Trouble.Err}
	}
	if p.begun.IsZero() {
		p.begun = i.At
	}
	if p.quiet && i.Frame != nil {
		p.last = &i
		return nil
	}
	if p.last != nil && i.Event != nil {
		if err := p.print(*p.last); err != nil {
			return err
		}
	}
	p.last = nil
	return p.print(i)
}

func (p *decodePrinter) print(i capture.Item) error {
	conn, indent := "", ""
	if i.Conn != nil {
		conn = fmt.Sprintf("#%d", i.Conn.Number)
	}
	if i.Event != nil {
		indent = "  "
	}
	_, err := fmt.Fprintf(p.out, "%12.6f %5s  %s%s\n", i.At.Sub(p.begun).Seconds(), conn, indent, i)
	return err
}

func (p *decodePrinter) end(d capture.Decoded) error {
	fmt.Fprintln(p.out)
	var frames int
	var size, rest int64
	for _, c := range d.Conns {
		frames, size, rest = frames+c.Frames, size+c.Bytes, rest+c.Rest
		fmt.Fprintf(p.out, "#%-5d %s > %s: %s, %s", c.Number, c.Dialler, c.Accepter, english.Plural(c.Frames, "frame", ""), english.Plural(int(c.Bytes), "byte", ""))
		if c.Undecoded > 0 {
			fmt.Fprintf(p.out, ", of them %d undecoded: %s", c.Undecoded, c.Trouble)
		}
		if c.Aside > 0 {
			fmt.Fprintf(p.out, ", of them %d of another protocol", c.Aside)
		}
		fmt.Fprintln(p.out)
	}
	for _, what := range slices.Sorted(maps.Keys(d.Strange)) {
		fmt.Fprintf(p.out, "unknown: %s, %s\n", what, english.Plural(int(d.Strange[what]), "time", ""))
	}
	_, err := fmt.Fprintf(p.out, "%s, %s, %s, %d undecoded\n", d.Stats, english.Plural(frames, "frame", ""), english.Plural(int(size), "byte", ""), d.Undecoded())
	if rest > 0 {
		_, err = fmt.Fprintf(p.out, "%s of frames that the end of their connection cut short\n", english.Plural(int(rest), "byte", ""))
	}
	if d.Short > 0 {
		_, err = fmt.Fprintf(p.out, "%s shorter than on the wire: capture without a limit (tcpdump -s 0)\n", english.Plural(d.Short, "packet is", "packets are"))
	}
	return err
}

// explained is an error with what may be the cause.
type explained struct{ error }

// Error is the error, and what it looks like.
func (e explained) Error() string { return e.error.Error() + dialect.Explain(e.error) }
