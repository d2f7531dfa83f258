package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/metrics"
	"jwtsunset/report"
	"jwtsunset/simulator"
	workspace "jwtsunset/simulator/slack"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	listen, at, scenario string
	seed                 uint64
	once                 bool
}

func (a *app) demoCommand() *cobra.Command {
	var o demoOptions
	var out output
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try everything with nothing configured",
		Long: `Run everything in one process with nothing to install or configure: a pretend Adobe, a store in a temporary
folder, scans and metrics. Nothing leaves this machine and nothing is kept.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			return a.demo(cmd.Context(), o, out)
		},
	}
	out.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8465", "address of the page and of /metrics")
	flags.StringVar(&o.at, "at", "", "run on a clock that starts at this `date` (2025-06-16, or RFC 3339) and keeps running")
	flags.StringVar(&o.scenario, "scenario", "demo", "which organization to pretend; see jwtsunset simulate --explain")
	flags.Uint64Var(&o.seed, "seed", 1, "the same seed makes the same organization")
	flags.BoolVar(&o.once, "once", false, "scan once, print the result, and exit with the code of scan")
	return cmd
}

func (a *app) demo(ctx context.Context, o demoOptions, out output) (err error) {
	clock, err := clockAt(o.at, a.clock)
	if err != nil {
		return err
	}
	a.clock = clock
	folder, err := os.MkdirTemp("", "jwtsunset-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	adobe, err := simulator.New(simulator.Options{Scenario: o.scenario, Seed: o.seed, Clock: a.clock})
	if err != nil {
		return hinted{err, "see jwtsunset simulate --explain"}
	}
	slack, err := pretendSlack(a.clock)
	if err != nil {
		return err
	}
	server, err := serveSimulator(ctx, "127.0.0.1:0", besideSlack(adobe, slack))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	cfg, err := demoConfig(folder, "http://"+server.address, o.listen)
	if err != nil {
		return err
	}
	if o.once {
		return a.scan(ctx, cfg, out)
	}
	return a.demoServe(ctx, cfg, adobe, server.address, out)
}

func (a *app) demoServe(
	ctx context.Context, cfg *config.Config, adobe *simulator.Simulator, adobeAddress string, out output,
) (err error) {
	level := new(slog.LevelVar)
	log, err := a.logger(cfg.Log, level)
	if err != nil {
		return err
	}
	r := newRecording(metrics.New(metrics.Options{Clock: a.clock, Logger: log, Version: programVersion()}), log)
	s, err := a.openStore(ctx, cfg, log, r.opening())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d, err := newDaemon(ctx, cfg, s, r, a.clock, log, level)
	if err != nil {
		return err
	}
	shown := false
	var address string
	d.scanned = func() {
		adobe.Step()
		if !shown {
			shown = true
			go d.jobs.runNow(ctx, remindJob)
			if err := a.introduce(ctx, cfg, d, address, adobeAddress, out); err != nil {
				log.Error("demo: the result cannot be shown", "error", err)
			}
		}
	}
	return a.runDaemon(ctx, d, func(l *listener) { address = l.address })
}

// introduce prints what the first scan found and where to look.
func (a *app) introduce(
	ctx context.Context, cfg *config.Config, d *daemon, address, adobeAddress string, out output,
) error {
	r, err := a.report(ctx, cfg, d.store)
	if err != nil {
		return err
	}
	if err := report.Write(a.stdout, out.format, r, out.options(a, report.ViewSummary)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stderr, `
jwtsunset is running on a pretend Adobe, by a clock that says %s. It scans again every minute.

  page      http://%[2]s/
  metrics   http://%[2]s/metrics
  Slack     http://%[3]s/slack/
  Adobe     http://%[3]s/simulator/truth

Try:  curl -s http://%[2]s/metrics | grep jwtsunset_deadline
      jwtsunset demo --at 2025-06-16     two weeks before the end of support
      jwtsunset demo --once              the whole list, then exit
Stop with Ctrl-C.
`, a.clock().UTC().Format("2006-01-02 15:04 MST"), address, adobeAddress)
	return err
}

// demoConfig is a configuration as an operator would write it, for an organization that is pretended.
func demoConfig(folder, adobe, listen string) (*config.Config, error) {
	secretFile, tokenFile := filepath.Join(folder, "client-secret"), filepath.Join(folder, "slack-token")
	for file, secret := range map[string]string{secretFile: simulator.ClientSecret, tokenFile: workspace.BotToken} {
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	text := fmt.Sprintf(`
organizations:
  - {name: demo, ims_org: %q, client_id: %q, client_secret_file: %q}
adobe: {ims_url: %[4]q, platform_url: %[4]q, console_url: %[4]q, requests_per_second: 0}
schedule: {scan: "@every 1m", remind: "@every 1m"}
slack: {token_file: %[7]q, api_url: %[8]q, channel: "#adobe-credentials"}
reminders: {hours: "00:00-24:00", weekdays: [mon, tue, wed, thu, fri, sat, sun], page_url: "http://%[6]s/"}
store: %[5]q
listen: {metrics: %[6]q, web: "localhost:0"}
log: {level: warn}
`, simulator.IMSOrganization, simulator.ClientID, secretFile, adobe, "sqlite:"+filepath.Join(folder, "demo.db"), listen,
		tokenFile, adobe+slackPath+"/api/")
	return config.Loader{}.Parse("demo", []byte(text))
}

// clockAt gives a clock that starts at a date and runs at the pace of another.
func clockAt(at string, clock func() time.Time) (func() time.Time, error) {
	if at == "" {
		return clock, nil
	}
	start, err := time.Parse(time.DateOnly, at)
	if err != nil {
		start, err = time.Parse(time.RFC3339, at)
	}
	if err != nil {
		return nil, hinted{fmt.Errorf("--at %q is not a date", at), "write 2025-06-16 or 2025-06-16T09:00:00Z"}
	}
	shift := start.Sub(clock())
	return func() time.Time { return clock().Add(shift) }, nil
}
