package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"jwtsunset/adobe"
	"jwtsunset/config"
	"jwtsunset/credential"
	"jwtsunset/metrics"
	"jwtsunset/migrator"
	"jwtsunset/store"
)

const (
	scanJob = "scan"
	// scanMargin is what a scan may take beyond its time limit for reading, to record the outcome of all organizations.
	scanMargin = 5 * time.Minute
	// restartGap is the least time between two scans that only restarts ask for.
	restartGap = 5 * time.Minute
	// stopGrace is how long a stop waits for a scan to end by itself, requestGrace for requests under way after that.
	stopGrace    = 20 * time.Second
	requestGrace = 5 * time.Second
)

// daemon is what runs under serve and demo: scheduled scans, the state they publish, and the listener that shows it.
type daemon struct {
	clock func() time.Time
	log   *slog.Logger
	level *slog.LevelVar
	store *store.Store
	// lock is nil where no other process can use the store.
	lock    *store.Lock
	metrics *metrics.Metrics
	// recording tells when something could not be recorded.
	recording *recording
	// checkpointFile is where the newest checkpoint is kept outside the store; "" if it is not.
	checkpointFile string
	jobs           *scheduler
	// stopping ends when the daemon begins to stop: from then on nothing new is started.
	stopping context.Context
	stop     context.CancelFunc
	// line is held while something is done on the line of migrations, by engine.
	line   sync.Mutex
	engine *migrator.Engine
	// book is what the metrics show of migrations.
	book *migrationBook
	// scanned is called after each scan of all organizations, if not nil.
	scanned func()

	mu     sync.Mutex
	config *config.Config
	// reminders is nil where the configuration asks for none.
	reminders *reminders
	// migrations is nil where the configuration does not migrate.
	migrations *migrations
	interval   time.Duration // between two scheduled scans
	clients    map[string]*adobe.Client
	snapshot   *metrics.Snapshot
}

// newDaemon builds everything that can be built without sending or listening.
func newDaemon(
	ctx context.Context, cfg *config.Config, s *store.Store, r *recording, clock func() time.Time,
	log *slog.Logger, level *slog.LevelVar,
) (*daemon, error) {
	d := &daemon{clock: clock, log: log, level: level, store: s, metrics: r.metrics, recording: r}
	d.book = newMigrationBook(s, clock)
	d.stopping, d.stop = context.WithCancel(context.Background())
	_, d.checkpointFile = s.AuditFiles(cfg.Audit.KeyFile, cfg.Audit.CheckpointFile)
	d.jobs = newScheduler(cfg.Schedule.TimeZone, log, clock, hooks{
		onPanic: func(j job) { d.metrics.JobPanicked(j.name) },
		onSkip:  d.skipped,
	})
	if err := d.apply(cfg); err != nil {
		return nil, err
	}
	if err := d.publishAll(ctx); err != nil {
		return nil, err
	}
	if err := d.publishAuditHead(ctx); err != nil {
		return nil, err
	}
	d.metrics.SetReady(func(ctx context.Context) error {
		_, err := s.SchemaVersion(ctx)
		return err
	})
	return d, nil
}

// apply takes over a configuration, the first one or after a reload. If anything is wrong with it nothing changes.
func (d *daemon) apply(cfg *config.Config) error {
	clients := map[string]*adobe.Client{}
	var names []string
	for _, org := range cfg.Organizations {
		c, err := client(cfg, org, d.clock, d.log, d.observe)
		if err != nil {
			return err
		}
		clients[org.Name] = c
		names = append(names, org.Name)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return fmt.Errorf("log.level: %w", err)
	}
	schedule, err := parseSchedule(cfg.Schedule.Scan, cfg.Schedule.TimeZone, d.clock())
	if err != nil {
		return err
	}
	r, err := d.applyReminders(cfg)
	if err != nil {
		return err
	}
	m, err := d.applyMigrations(cfg)
	if err != nil {
		return err
	}
	timeout := time.Duration(len(names))*cfg.Scan.Timeout + scanMargin
	jobs := []job{
		{name: scanJob, spec: cfg.Schedule.Scan, timeout: timeout, jitter: cfg.Schedule.Jitter, run: d.scan},
		{name: maintenanceJob, spec: cfg.Schedule.Maintenance, timeout: maintenanceTimeout, run: d.maintain},
	}
	jobs = append(jobs, d.reminderJobs(cfg)...)
	jobs = append(jobs, d.migrateJobs(cfg)...)
	if err := d.jobs.replace(cfg.Schedule.TimeZone, jobs); err != nil {
		return err
	}
	d.level.Set(level)
	d.metrics.Configure(notificationOptions(r, metrics.Options{
		SeriesLimit: cfg.Metrics.CredentialSeriesLimit, OwnerLabel: cfg.Metrics.OwnerLabel,
		Organizations: names, Jobs: jobNames(jobs),
	}))
	if r == nil {
		d.metrics.PublishReminders(nil)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, old := range d.clients {
		old.Close() // a scan that still runs keeps the connections in use
	}
	if d.reminders != nil {
		d.reminders.close()
	}
	if d.migrations != nil {
		d.migrations.close()
	}
	d.reminders, d.migrations = r, m
	d.config, d.clients, d.interval = cfg, clients, interval(schedule, d.clock())
	return nil
}

// reload takes over what can be changed while running, and names what needs a restart.
func (d *daemon) reload(ctx context.Context, cfg *config.Config) error {
	old, _ := d.current()
	if err := d.apply(cfg); err != nil {
		return err
	}
	for _, key := range config.RestartOnly(old, cfg) {
		d.log.Warn("this change takes effect after a restart", "key", key)
	}
	if err := d.store.Configure(ctx, cfg.Digest()); err != nil {
		d.log.Error("the new configuration is not on record yet", "error", err)
	}
	return d.publishAll(ctx)
}

func (d *daemon) current() (*config.Config, map[string]*adobe.Client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config, d.clients
}

func (d *daemon) observe(c adobe.Call) {
	d.metrics.ObserveCall(c.Stage, c.Status, c.Duration)
	d.metrics.ObserveThrottle(c.Throttled)
}

func (d *daemon) skipped(j job) {
	if cfg, _ := d.current(); j.name == scanJob && cfg != nil {
		for _, org := range cfg.Organizations {
			d.metrics.ScanSkipped(org.Name)
		}
	}
}

// scan scans all organizations, one after another. One that fails does not keep the others from being scanned.
func (d *daemon) scan(ctx context.Context) error {
	cfg, clients := d.current()
	if err := d.hold(ctx); err != nil {
		return fmt.Errorf("no scan was begun: %w", err)
	}
	var problems []error
	for _, org := range cfg.Organizations {
		problems = append(problems, d.scanOne(ctx, cfg, org, clients[org.Name]))
		if ctx.Err() != nil {
			break
		}
	}
	d.publishReminders(ctx)
	d.publishMigrations(ctx)
	if d.scanned != nil {
		d.scanned()
	}
	return errors.Join(problems...)
}

func (d *daemon) scanOne(ctx context.Context, cfg *config.Config, org config.Organization, c *adobe.Client) error {
	outcome := credential.Scan{Organization: org.Name}
	d.metrics.ScanStarted(org.Name, d.clock())
	defer func() { d.metrics.ScanFinished(outcome) }()
	scan, err := newScanner(cfg, org, c, d.store, d.clock, d.log, nil).Scan(ctx)
	if err != nil {
		return err
	}
	outcome = scan
	return d.publish(ctx, org.Name)
}

// publishAll shows what the store knows of all organizations.
func (d *daemon) publishAll(ctx context.Context) error {
	cfg, _ := d.current()
	next := &metrics.Snapshot{Deadlines: deadlines(cfg)}
	for _, org := range cfg.Organizations {
		state, err := d.state(ctx, org.Name)
		if err != nil {
			return err
		}
		next.Organizations = append(next.Organizations, state)
	}
	d.show(next)
	d.publishReminders(ctx)
	d.publishMigrations(ctx)
	return nil
}

// publish shows what the store knows of one organization; the others stay as they are shown.
func (d *daemon) publish(ctx context.Context, name string) error {
	state, err := d.state(ctx, name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	next := &metrics.Snapshot{
		Deadlines: d.snapshot.Deadlines, Organizations: slices.Clone(d.snapshot.Organizations),
	}
	d.mu.Unlock()
	at := slices.IndexFunc(next.Organizations, func(o metrics.Organization) bool { return o.Name == name })
	if at < 0 {
		return nil // a reload has taken the organization out meanwhile
	}
	next.Organizations[at] = state
	d.show(next)
	return nil
}

func (d *daemon) show(s *metrics.Snapshot) {
	d.mu.Lock()
	d.snapshot = s
	d.mu.Unlock()
	d.metrics.Publish(s)
}

// state is one organization as the store knows it.
func (d *daemon) state(ctx context.Context, name string) (metrics.Organization, error) {
	d.mu.Lock()
	o := metrics.Organization{Name: name, Interval: d.interval}
	d.mu.Unlock()
	var err error
	if o.Last, err = lastScan(ctx, d.store, name); err != nil {
		return o, err
	}
	if o.Last != nil {
		o.LastCompletion = o.Last.Finished
	}
	if o.LastStart, err = d.store.LastStarted(ctx, name); err != nil {
		return o, err
	}
	success, err := d.store.LastComplete(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return o, err
	}
	o.LastSuccess = success.Finished
	o.Credentials, err = d.store.Credentials(ctx, name)
	return o, err
}

// firstScan scans at the start, but not sooner after the last start of a scan than restartGap, so that a process which
// is restarted again and again does not ask Adobe each time.
func (d *daemon) firstScan(ctx context.Context) {
	wait, err := d.untilFirstScan(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		d.log.Error("the scan at start is left to the schedule", "error", err)
		return
	}
	if wait > 0 {
		d.log.Info("a scan was started a moment ago, the scan at start waits", "wait", wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		d.jobs.runNow(ctx, scanJob)
	case <-ctx.Done():
	}
}

func (d *daemon) untilFirstScan(ctx context.Context) (time.Duration, error) {
	cfg, _ := d.current()
	var latest time.Time
	for _, org := range cfg.Organizations {
		started, err := d.store.LastStarted(ctx, org.Name)
		if err != nil {
			return 0, err
		}
		if started.After(latest) {
			latest = started
		}
	}
	// A start in the future means that a clock was wrong once; it must not put the scan off for ever.
	return min(max(0, restartGap-d.clock().Sub(latest)), restartGap), nil
}
