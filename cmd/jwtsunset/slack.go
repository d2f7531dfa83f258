package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"jwtsunset/config"
	"jwtsunset/notify"
	"jwtsunset/notify/slack"
	"jwtsunset/report"
)

func (a *app) slackCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "slack", Short: "Look after the Slack app", Args: cobra.NoArgs}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(a.slackCheckCommand())
	return cmd
}

func (a *app) slackCheckCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check token, scopes and channels, and say what is missing",
		Long: `Ask Slack who the token is, which scopes it has, and whether every channel and user group of the configuration
is there and can be used. Nothing is posted. Exit code 0: all is well. 4: something is missing, and the output says what
to do about it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format, report.FormatTable, report.FormatJSON); err != nil {
				return err
			}
			return a.slackCheck(cmd.Context(), format)
		},
	}
	formatFlag(cmd, &format, report.FormatTable, report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) slackCheck(ctx context.Context, format string) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	token, ok := cfg.Slack.Token()
	if !ok {
		return hinted{errors.New("no Slack token is configured"), "set slack.token_file: see docs/slack.md"}
	}
	words, err := templates(cfg)
	if err != nil {
		return err
	}
	log, err := a.commandLogger(cfg.Log)
	if err != nil {
		return err
	}
	c, err := slack.New(slack.Options{
		Token: token.Read, APIURL: cfg.Slack.APIURL, Templates: words, Clock: a.clock, Logger: log,
	})
	if err != nil {
		return err
	}
	defer c.Close()
	found, err := c.Check(ctx, slackChannels(cfg), slackGroups(cfg))
	if f := (*notify.Failure)(nil); errors.As(err, &f) {
		return hinted{err, f.Hint}
	}
	if err != nil {
		return err
	}
	return a.writeSlackReport(found, format)
}

func (a *app) writeSlackReport(r slack.Report, format string) error {
	if !r.OK() {
		a.result = exitPartial
	}
	if format == report.FormatJSON {
		return a.writeJSON(r)
	}
	g := grid{header: []string{"", "WHAT", "FOUND", "DO"}, whole: true}
	for _, f := range r.Findings {
		g.add(string(f.Level), f.Subject, f.Detail, orDash(f.Do))
	}
	return g.write(a.stdout)
}

// slackChannels are all channels that the configuration names, slackGroups all user groups.
func slackChannels(cfg *config.Config) []string {
	list := []string{}
	if cfg.Slack.Channel != "" {
		list = append(list, cfg.Slack.Channel)
	}
	return append(list, fromRules(cfg, func(r config.Rule) string { return r.Channel })...)
}

func slackGroups(cfg *config.Config) []string {
	return fromRules(cfg, func(r config.Rule) string { return r.Group })
}

func fromRules(cfg *config.Config, field func(config.Rule) string) []string {
	var list []string
	for _, r := range cfg.Owners().Rules() {
		if name := field(r); name != "" {
			list = append(list, name)
		}
	}
	return list
}
