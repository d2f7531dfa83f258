package main

import (
	"log/slog"
)

// cronLog is cron's logger on log/slog. That of a job also tells the hooks what only cron sees.
type cronLog struct {
	logger *slog.Logger
	// runner is nil for cron's own messages, which are of interest in debugging alone.
	runner *runner
}

// Info takes cron's routine messages and, from the guard against overlap, "skip".
func (l cronLog) Info(msg string, keysAndValues ...any) {
	if l.runner == nil || msg != "skip" {
		l.logger.Debug("cron: "+msg, keysAndValues...)
		return
	}
	j := l.runner.current()
	l.logger.Warn("job skipped, since its last run has not ended", "job", j.name)
	if hook := l.runner.scheduler.hooks.onSkip; hook != nil {
		hook(j)
	}
}

// Error takes panics.
func (l cronLog) Error(err error, msg string, keysAndValues ...any) {
	if l.runner == nil {
		l.logger.Error("cron: "+msg, append(keysAndValues, "error", err)...)
		return
	}
	j := l.runner.current()
	l.logger.Error("job: "+msg, append(keysAndValues, "error", err, "job", j.name)...)
	if hook := l.runner.scheduler.hooks.onPanic; hook != nil {
		hook(j)
	}
}
