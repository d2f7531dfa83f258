package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"jwtsunset/config"
)

// Exit codes. 2 is left to a crash of the Go runtime, so that a panic never looks like a result.
const (
	exitDone    = 0 // everything was seen and nothing is left to migrate
	exitError   = 1
	exitLeft    = 3 // everything was seen and something is left
	exitPartial = 4 // not everything could be seen, whatever is left

	exitTampered = 3 // of audit verify: it was checked and is not sound
)

// coded is an error that ends the program with a code of its own.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

// reached is told of every step of every write and of every request to Adobe, and may end the process there or fail the
// step. It is for tests alone: the program never sets it.
var reached func(step string) error

// app is one run of the program: where it writes, what it was started with, and its clock.
type app struct {
	stdout, stderr io.Writer
	environ        []string
	clock          func() time.Time

	configPath string
	flags      *config.FlagValues
	// result is the exit code of a command that ended without an error.
	result int
	// hangup asks serve for a reload; nil in commands that have nothing to reload.
	hangup <-chan os.Signal
}

// hinted is an error with advice on what to do next.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }

// run executes one command line and gives the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	root := a.root()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		a.explain(err)
		var own coded
		if errors.As(err, &own) {
			return own.code
		}
		return exitError
	}
	return a.result
}

// explain writes an error as people read it: what happened, then what to do next.
func (a *app) explain(err error) {
	text := err.Error()
	var advice interface{ Hint() string }
	if errors.Is(err, context.Canceled) {
		text = "stopped before the end: " + text
	}
	fmt.Fprintln(a.stderr, "error:", strings.TrimSpace(text))
	if errors.As(err, &advice) && advice.Hint() != "" {
		fmt.Fprintln(a.stderr, "hint:", advice.Hint())
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "jwtsunset",
		Short: "Find non-expiring JWT credentials of Adobe Experience Platform and count down to their end",
		Long: `jwtsunset lists the non-expiring JWT credentials of an Adobe organization, exports Prometheus
gauges that count down to the dates by which each must be on OAuth Server-to-Server, keeps the history, reminds their
owners, and migrates what was approved. Try it with nothing configured: jwtsunset demo`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hinted{err, "see " + cmd.CommandPath() + " --help"}
	})
	root.AddCommand(
		a.serveCommand(), a.scanCommand(), a.listCommand(), a.showCommand(), a.historyCommand(), a.auditCommand(),
		a.storeCommand(), a.demoCommand(), a.simulateCommand(), a.configCommand(), a.healthcheckCommand(),
		a.versionCommand(), a.remindCommand(), a.explainCommand(), a.forecastCommand(), a.answerCommand(),
		a.snoozeCommand(), a.ownersCommand(), a.slackCommand(), a.requestCommand(), a.approveCommand(),
		a.declineCommand(), a.revokeCommand(), a.queueCommand(), a.migrateCommand(), a.resolveCommand(), a.cancelCommand(),
		a.freezeCommand(), a.thawCommand(),
	)
	return root
}

// configured gives a command the flags of the configuration.
func (a *app) configured(cmd *cobra.Command) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVarP(&a.configPath, "config", "c", "",
		"configuration `file` (default $JWTSUNSET_CONFIG, else "+defaultConfig+" if it exists)")
	run := cmd.RunE
	values := config.AddFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.flags = values
		return run(cmd, args)
	}
	return cmd
}

const (
	defaultConfig = "jwtsunset.yml"
	configEnv     = "JWTSUNSET_CONFIG"
)

// configFile finds the configuration file; "" means that there is none and the environment and flags must do.
func (a *app) configFile() (string, error) {
	if a.configPath != "" {
		return a.configPath, nil
	}
	for _, v := range a.environ {
		if path, ok := strings.CutPrefix(v, configEnv+"="); ok && path != "" {
			return path, nil
		}
	}
	switch _, err := os.Stat(defaultConfig); {
	case err == nil:
		return defaultConfig, nil
	case errors.Is(err, os.ErrNotExist):
		return "", nil
	default:
		return "", fmt.Errorf("look for %s: %w", defaultConfig, err)
	}
}

func (a *app) loadConfig() (*config.Config, error) {
	path, err := a.configFile()
	if err != nil {
		return nil, err
	}
	loader := config.Loader{
		Environ: a.environ, Flags: a.flags,
		CheckSchedule: func(spec string, zone *time.Location) error {
			_, err := parseSchedule(spec, zone, a.clock())
			return err
		},
	}
	cfg, err := loader.Load(path)
	if err != nil && path == "" {
		return nil, hinted{err, "write a configuration with: jwtsunset config init; or try: jwtsunset demo"}
	}
	return cfg, err
}

// logger makes the logger that the configuration asks for. level may be changed while it is in use.
func (a *app) logger(c config.Log, level *slog.LevelVar) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	level.Set(l)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(a.stderr, options)), nil
}

// commandLogger is for commands that a person waits for: their results go to stdout, so only trouble is logged.
func (a *app) commandLogger(c config.Log) (*slog.Logger, error) {
	if c.Level == "info" || c.Level == "warn" {
		c.Level = "error"
	}
	return a.logger(c, new(slog.LevelVar))
}

// terminal gives the width of a writer that is a terminal.
func terminal(w io.Writer) (width int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil
}
