package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/simulator"
)

func (a *app) simulateCommand() *cobra.Command {
	var address string
	var o simulator.Options
	var faults, switches []string
	var help, slack bool
	var migrationTime time.Duration
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a pretend Adobe to try things against",
		Long: `Run a pretend Adobe: IMS, Experience Platform and Developer Console on one address, for trying a configuration
and for tests. It accepts the client id demo-client with the secret demo-secret and the organization
1A2B3C4D5E6F7A8B0A495C12@AdobeOrg. When it is ready it prints "listening on http://ADDRESS".`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if help {
				return a.simulatorHelp()
			}
			if err := simulatorOptions(&o, faults, switches); err != nil {
				return err
			}
			if cmd.Flags().Changed("migration-time") {
				o.MigrationTime = &migrationTime
			}
			o.Clock = a.clock
			return a.simulate(cmd.Context(), address, o, slack)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&address, "listen", "127.0.0.1:8466", "address to listen on")
	flags.StringVar(&o.Scenario, "scenario", "small", "which organization to pretend; see --explain")
	flags.Uint64Var(&o.Seed, "seed", 1, "the same seed makes the same organization")
	flags.DurationVar(&o.Latency, "latency", 0, "time before each answer")
	flags.IntVar(&o.Sandboxes, "sandboxes", 0, "number of sandboxes of the scenarios large and deep")
	flags.IntVar(&o.Accounts, "accounts", 0, "accounts in each sandbox of the scenarios large and deep")
	flags.IntVar(&o.PageSize, "page-size", 0, "accounts on a page (default 20)")
	flags.DurationVar(&o.TokenLifetime, "token-lifetime", 0, "how long tokens are good for (default 24h)")
	flags.DurationVar(&migrationTime, "migration-time", 0, "how long a one-shot migration takes (default 8s to 10s)")
	flags.DurationVar(&o.ConsoleTime, "console-time", 0, "how long the Developer Console's steps of a migration take")
	flags.DurationVar(&o.Settle, "settle", 0, "how long reads still tell of the time before a migration")
	flags.StringVar(&o.StartsFile, "starts", "", "a `file` that keeps every start of a migration, synced; it is continued")
	flags.StringArrayVar(&faults, "fault", nil, "a fault, such as operation=accounts,call=2,kind=throttle; can be repeated")
	flags.StringArrayVar(&switches, "switch", nil, "a choice that Adobe does not document, as `name=value`; can be repeated")
	flags.BoolVar(&slack, "slack", false, "pretend a Slack workspace too: its Web API under /slack/api/, a page under /slack/")
	flags.BoolVar(&help, "explain", false, "list scenarios, faults and switches")
	return cmd
}

func simulatorOptions(o *simulator.Options, faults, switches []string) error {
	for _, text := range faults {
		f, err := simulator.ParseFault(text)
		if err != nil {
			return hinted{fmt.Errorf("--fault: %w", err), "see jwtsunset simulate --explain"}
		}
		o.Faults = append(o.Faults, f)
	}
	o.Switches = map[string]string{}
	for _, text := range switches {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return hinted{fmt.Errorf("--switch %q has no =", text), "see jwtsunset simulate --explain"}
		}
		o.Switches[name] = value
	}
	return nil
}

func (a *app) simulate(ctx context.Context, address string, o simulator.Options, slack bool) error {
	o.Logger = slog.New(slog.NewTextHandler(a.stderr, nil))
	s, err := simulator.New(o)
	if err != nil {
		return hinted{err, "see jwtsunset simulate --explain"}
	}
	defer func() { _ = s.Close() }() // every line in it is on the disk already
	var handler http.Handler = s
	if slack {
		w, err := pretendSlack(a.clock)
		if err != nil {
			return err
		}
		handler = besideSlack(s, w)
	}
	server, err := serveSimulator(ctx, address, handler)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.stdout, "listening on http://%s\n", server.address); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return server.close()
	case err := <-server.finished:
		return err
	}
}

// simulatorServer is a simulator on a socket.
type simulatorServer struct {
	*http.Server
	address  string
	finished chan error
}

func serveSimulator(ctx context.Context, address string, handler http.Handler) (*simulatorServer, error) {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s := &simulatorServer{
		Server:  &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
		address: socket.Addr().String(), finished: make(chan error, 1),
	}
	go func() { s.finished <- s.Serve(socket) }()
	return s, nil
}

// close cuts off what is under way: a simulator may be told to hang.
func (s *simulatorServer) close() error {
	if err := s.Close(); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	if err := <-s.finished; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("simulator: %w", err)
	}
	return nil
}

func (a *app) simulatorHelp() error {
	var b strings.Builder
	b.WriteString("Scenarios (--scenario):\n")
	for _, s := range simulator.Scenarios() {
		fmt.Fprintf(&b, "  %-28s %s\n", s.Name, s.Help)
	}
	b.WriteString("\nFaults (--fault kind=…, with operation=, sandbox=, call=, times=, effect=):\n")
	for _, k := range simulator.FaultKinds() {
		fmt.Fprintf(&b, "  %-28s %s\n", k.Name, k.Help)
	}
	fmt.Fprintf(&b, "\nFaults of starts alone (operation= %s).\nWith any fault of a start, effect=done lets it take effect, "+
		"effect=none does not, effect=later does after the answer:\n", strings.Join(simulator.StartOperations(), ", "))
	for _, k := range simulator.StartFaultKinds() {
		fmt.Fprintf(&b, "  %-28s %s\n", k.Name, k.Help)
	}
	b.WriteString("\nSwitches (--switch name=value, the default first): what Adobe does not document\n")
	for _, s := range simulator.SwitchHelp() {
		fmt.Fprintf(&b, "  %-28s %s\n  %-28s %s\n", s.Name, strings.Join(s.Values, ", "), "", s.Help)
	}
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}
