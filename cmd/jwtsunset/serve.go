package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/metrics"
)

func (a *app) serveCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "serve",
		Short: "Run the daemon: scan by schedule and serve metrics",
		Long: `Run until SIGTERM or SIGINT: scan at the start and then by schedule, keep the history, and serve /metrics,
/-/healthy, /-/ready and a page. SIGHUP reloads the configuration; a bad one is refused and the old one stays.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), cfg)
		},
	})
}

func (a *app) serve(ctx context.Context, cfg *config.Config) (err error) {
	stop := a.awaitHangups()
	defer stop()
	level := new(slog.LevelVar)
	log, err := a.logger(cfg.Log, level)
	if err != nil {
		return err
	}
	warn(log, cfg)
	r := newRecording(metrics.New(metrics.Options{Clock: a.clock, Logger: log, Version: programVersion()}), log)
	if cfg.Audit.CheckpointStdout {
		r.checkpoints = a.stdout
	}
	s, err := a.openStore(ctx, cfg, log, r.opening())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	lock, err := s.Lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	d, err := newDaemon(ctx, cfg, s, r, a.clock, log, level)
	if err != nil {
		return err
	}
	d.lock = lock
	return a.runDaemon(ctx, d, func(*listener) {})
}

// awaitHangups makes SIGHUP, which would end the process, a wish for a reload until stop is called. One that comes
// while the daemon starts waits.
func (a *app) awaitHangups() (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	a.hangup = hangup
	return func() { signal.Stop(hangup) }
}

// warn logs what is allowed in a configuration and yet likely wrong.
func warn(log *slog.Logger, cfg *config.Config) {
	for _, w := range append(cfg.Warnings(), cfg.Unused()...) {
		log.Warn(w)
	}
}

// runDaemon runs until ctx ends or the listener fails, then stops within a limit. ready is called once it serves.
func (a *app) runDaemon(ctx context.Context, d *daemon, ready func(*listener)) error {
	if a.hangup == nil { // without a configuration to reload, the end of the terminal is the end
		var stop func()
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer stop()
	}
	cfg, _ := d.current()
	l, err := listen(ctx, cfg.Listen.Metrics, cfg.Metrics.WebConfigFile, d.metrics.Handler(), d.log)
	if err != nil {
		return err
	}
	d.log.Info("serving", "address", l.address, "version", programVersion(), "config", cfg.Digest())
	a.tell(d.log, sd.SdNotifyReady)
	ready(l)
	d.recordStart(ctx)
	d.jobs.start()
	var first sync.WaitGroup
	startCtx, cancel := context.WithCancel(ctx)
	first.Go(func() {
		d.firstScan(startCtx)
		d.missedReminders(startCtx)
	})
	first.Go(func() { d.firstVerification(startCtx) })
	first.Go(func() { d.jobs.runNow(startCtx, migrateJob) })
	first.Go(func() { d.resumeRecording(startCtx) })
	err = a.wait(ctx, d, l)
	cancel()
	a.tell(d.log, sd.SdNotifyStopping)
	err = errors.Join(err, stopDaemon(ctx, d, l))
	first.Wait()
	return err
}

// wait handles reloads until ctx ends or the listener fails.
func (a *app) wait(ctx context.Context, d *daemon, l *listener) error {
	for {
		select {
		case <-ctx.Done():
			d.log.Info("stopping")
			return nil
		case err := <-l.finished:
			return fmt.Errorf("listener ended: %w", err)
		case <-a.hangup:
			a.reload(ctx, d)
		}
	}
}

// reload loads the configuration anew. Whatever is wrong with it is logged, and the old one stays in force.
func (a *app) reload(ctx context.Context, d *daemon) {
	a.tell(d.log, sd.SdNotifyReloading+"\n"+sd.SdNotifyMonotonicUsec())
	defer a.tell(d.log, sd.SdNotifyReady)
	cfg, err := a.loadConfig()
	if err == nil {
		err = d.reload(ctx, cfg)
	}
	d.metrics.ReloadDone(a.clock(), err)
	if err != nil {
		d.log.Error("configuration was not reloaded, the old one stays in force", "error", err)
		return
	}
	warn(d.log, cfg)
	d.log.Info("configuration reloaded", "config", cfg.Digest())
}

func stopDaemon(ctx context.Context, d *daemon, l *listener) error {
	ctx = context.WithoutCancel(ctx)
	d.stop()
	jobs, cancelJobs := context.WithTimeout(ctx, d.stopTime())
	defer cancelJobs()
	err := d.jobs.stop(jobs)
	err = errors.Join(err, d.releaseLine(ctx))
	requests, cancelRequests := context.WithTimeout(ctx, requestGrace)
	defer cancelRequests()
	return errors.Join(err, l.close(requests))
}

// tell informs systemd, if it started us.
func (a *app) tell(log *slog.Logger, state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		log.Warn("systemd was not told", "state", state, "error", err)
	}
}
