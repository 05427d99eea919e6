package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/serve"
	"github.com/usurper/usurper/harness/text"
)

func serveCommand() *cobra.Command {
	o := serve.Options{}
	cmd := &cobra.Command{
		Use:   "serve [DIR]",
		Short: "Show runs and nights in a browser",
		Long: `Serve shows what is below a directory, results unless it is named: an index of runs
and nights, each run's page, files and logs, and a run under way as it goes on. It
only reads, and ends with an interrupt.

It answers to this machine alone. Whatever else --listen names needs a --token, which
a browser says once, in the address that serve prints. There is no encryption: across
networks put it behind something that has, or an ssh tunnel.`,
		Example: `  usurper serve
  usurper serve results/nightly --listen 127.0.0.1:0
  usurper serve --listen :8080 --token "$(openssl rand -hex 16)"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("serve takes one directory, not also %q", text.Shorten(args[1], text.Token))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := serve.New(append(args, "results")[0], o)
			if err != nil {
				return err
			}
			_, said := fmt.Fprintln(cmd.OutOrStdout(), s.URL())
			status := screen.NewStatus(cmd.ErrOrStderr())
			if err := serve.GiveWay(); err != nil {
				status.Line("runs that are watched may be slower: " + err.Error())
			}
			status.Line("until an interrupt (Ctrl-C)")
			return errors.Join(s.Serve(cmd.Context()), said)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&o.Listen, "listen", "127.0.0.1:8437", "where: a host and a port, 0 for any that is free")
	fs.StringVar(&o.Token, "token", "", fmt.Sprintf("what others must know, %d characters or more", serve.ShortestToken))
	return cmd
}
