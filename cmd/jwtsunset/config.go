package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/spf13/cobra"

	"jwtsunset/adobe"
	"jwtsunset/config"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Write or check a configuration",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configInitCommand(), a.configCheckCommand())
	return cmd
}

func (a *app) configInitCommand() *cobra.Command {
	var toStdout bool
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented example configuration",
		Long:  "Write a commented example configuration to FILE (default " + defaultConfig + "). An existing file is kept.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if toStdout {
				_, err := a.stdout.Write(config.Example())
				return err
			}
			path := defaultConfig
			if len(args) == 1 {
				path = args[0]
			}
			return a.writeExample(path)
		},
	}
	cmd.Flags().BoolVar(&toStdout, "stdout", false, "print it instead")
	return cmd
}

func (a *app) writeExample(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrExist) {
		return hinted{fmt.Errorf("%s exists already and was left as it is", path), "name another file, or use --stdout"}
	}
	if err != nil {
		return fmt.Errorf("write the example: %w", err)
	}
	_, err = f.Write(config.Example())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the example: %w", err)
	}
	_, err = fmt.Fprintf(a.stdout, "wrote %s\nedit it, then: jwtsunset config check -c %s\n", path, path)
	return err
}

func (a *app) configCheckCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "check",
		Short: "Check the configuration and show when the next scans would run",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			return a.checkConfig(cfg)
		},
	})
}

// checkConfig says what loading alone cannot: whether everything can be built from it, and what it means.
func (a *app) checkConfig(cfg *config.Config) error {
	if err := checkUse(cfg, a); err != nil {
		return err
	}
	for _, w := range append(cfg.Warnings(), cfg.Unused()...) {
		fmt.Fprintln(a.stdout, "warning:", w)
	}
	schedule, err := parseSchedule(cfg.Schedule.Scan, cfg.Schedule.TimeZone, a.clock())
	if err != nil {
		return fmt.Errorf("schedule.scan: %w", err)
	}
	for _, t := range nextRuns(schedule, a.clock(), 3) {
		fmt.Fprintln(a.stdout, "next scan:", t.Format("Mon 2006-01-02 15:04 MST"))
	}
	if err := a.showReminders(cfg); err != nil {
		return err
	}
	for _, d := range deadlines(cfg) {
		fmt.Fprintf(a.stdout, "deadline: %s ends %s (%s)\n",
			d.Name, d.At.Format("2006-01-02T15:04:05Z07:00"), d.Countdown(a.clock()))
	}
	_, err = fmt.Fprintln(a.stdout, "configuration is valid")
	return err
}

// showReminders says when reminders would be planned next, where they would.
func (a *app) showReminders(cfg *config.Config) error {
	if !cfg.Reminds() {
		return nil
	}
	schedule, err := parseSchedule(cfg.Schedule.Remind, cfg.Schedule.TimeZone, a.clock())
	if err != nil {
		return fmt.Errorf("schedule.remind: %w", err)
	}
	_, err = fmt.Fprintln(a.stdout, "next reminders:", schedule.Next(a.clock()).Format("Mon 2006-01-02 15:04 MST"))
	return err
}

// checkUse builds what a daemon would build from a configuration, without sending anything.
func checkUse(cfg *config.Config, a *app) error {
	var problems []error
	if cfg.Reminds() {
		r, err := newReminders(cfg, nil, a.clock, slog.New(slog.DiscardHandler), unobserved{})
		problems = append(problems, err)
		if err == nil {
			r.close()
		}
	}
	for _, org := range cfg.Organizations {
		c, err := client(cfg, org, a.clock, nil, func(adobe.Call) {})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		c.Close()
	}
	if file := cfg.Metrics.WebConfigFile; file != "" {
		if err := web.Validate(file); err != nil {
			problems = append(problems, fmt.Errorf("metrics.web_config_file: %w", err))
		}
	}
	return errors.Join(problems...)
}
