package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/report"
	"jwtsunset/store"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify, export and look after the audit log",
		Long: `The audit log records what the program and people did. Each entry carries the hash of the one before, and
the newest is signed, so that whatever is changed, removed or put in between shows.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.auditVerifyCommand(), a.auditExportCommand(), a.auditCheckpointCommand(), a.auditRotateKeyCommand(),
		a.auditReplaceKeyCommand(), a.auditPeopleCommand(), a.auditForgetCommand(),
	)
	return cmd
}

func (a *app) auditCheckpointCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the newest signed checkpoint",
		Long: `Print the newest signed checkpoint of the audit log. Kept where the log's keeper cannot change it, it proves
later that nothing before it was changed: jwtsunset audit verify --checkpoint FILE.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format, "text", report.FormatJSON); err != nil {
				return err
			}
			return a.onRecord(cmd.Context(), func(_ *config.Config, s *store.Store) error {
				return a.auditCheckpoint(cmd.Context(), s, format)
			})
		},
	}
	formatFlag(cmd, &format, "text", report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) auditCheckpoint(ctx context.Context, s *store.Store, format string) error {
	note, head, err := s.AuditHead(ctx)
	if err != nil {
		return err
	}
	if head.Size == 0 {
		return hinted{fmt.Errorf("the audit log has no entry yet"), "it begins with the first scan"}
	}
	if format == report.FormatJSON {
		return json.NewEncoder(a.stdout).Encode(struct {
			Entries    int64  `json:"entries"`
			Hash       string `json:"hash"`
			Checkpoint string `json:"checkpoint"`
		}{head.Size, head.Hash.String(), string(note)})
	}
	_, err = a.stdout.Write(note)
	return err
}

func (a *app) auditRotateKeyCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "rotate-key",
		Short: "Sign the audit log with a new key from now on",
		Long: `Make a new key for the audit log and put it in the place of the old one, which signs the change together with
the new one. Verifying works with either public key. Tell those who keep the public key.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), opening{record: true}, func(_ *config.Config, s *store.Store) error {
				return a.writeNewKey(s.RotateKey(cmd.Context()))
			})
		},
	})
}

func (a *app) auditReplaceKeyCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "replace-key",
		Short: "Begin to sign with a new key because the old one is lost for good",
		Long: `Make a new key for the audit log where the old one is lost for good and no backup of it is left. The log is
verified first, and records the change, which the new key alone signs: whoever knows only the old public key is told so
by audit verify, and has to trust the new one. Where the old key is still there use audit rotate-key.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				if err := a.confirm(cmd.InOrStdin(), "replace"); err != nil {
					return err
				}
			}
			return a.withStore(cmd.Context(), opening{record: true, replaceKey: true},
				func(_ *config.Config, s *store.Store) error { return a.writeNewKey(s.AuditKey()) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return a.configured(cmd)
}

func (a *app) writeNewKey(key audit.PublicKey, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "the audit log is signed with a new key\npublic key:  %s\nfingerprint: %s\n",
		key, key.Fingerprint())
	return err
}

func (a *app) auditPeopleCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "people",
		Short: "List whom the audit log names by id",
		Long: `List the people whom the audit log names: it holds ids only, and the names are kept beside it so that they can
be forgotten.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format, "text", report.FormatJSON); err != nil {
				return err
			}
			return a.onRecord(cmd.Context(), func(_ *config.Config, s *store.Store) error {
				people, err := s.People(cmd.Context())
				if err != nil {
					return err
				}
				return a.writePeople(people, format)
			})
		},
	}
	formatFlag(cmd, &format, "text", report.FormatJSON)
	return a.configured(cmd)
}

// personRecord is a person as commands and exports show one.
type personRecord struct {
	ID       string `json:"id"`
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Added    string `json:"added"`
}

func (a *app) writePeople(people []store.Person, format string) error {
	records := make([]personRecord, 0, len(people))
	for _, p := range people {
		records = append(records, personRecord{p.ID, p.Identity, p.Name, p.Added.UTC().Format("2006-01-02T15:04:05Z")})
	}
	if format == report.FormatJSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(records)
	}
	for _, p := range records {
		if p.Identity == "" {
			p.Identity = "(forgotten)"
		}
		if _, err := fmt.Fprintf(a.stdout, "%s  %s  %s\n", p.ID, report.Clean(p.Identity), report.Clean(p.Name)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) auditForgetCommand() *cobra.Command {
	return a.configured(&cobra.Command{
		Use:   "forget PERSON-ID | ADDRESS",
		Short: "Remove the name behind an id of the audit log",
		Long: `Remove identity and name of a person whom the audit log names, for good. The log itself holds only the id, so
it stays as it is and still verifies. With an e-mail address, what was looked up about it in Slack is removed. This
cannot be undone, and is itself recorded. Whoever owns a credential is looked up again by the next reminders.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), opening{record: true}, func(_ *config.Config, s *store.Store) error {
				forget := s.ForgetPerson
				if strings.Contains(args[0], "@") {
					forget = s.ForgetAccount
				}
				if err := forget(cmd.Context(), strings.ToLower(args[0])); err != nil {
					return hinted{err, "jwtsunset audit people lists the ids"}
				}
				_, err := fmt.Fprintf(a.stdout, "%s is forgotten\n", args[0])
				return err
			})
		},
	})
}

// formatFlag adds -o with the formats that a command has, the first of them the default.
func formatFlag(cmd *cobra.Command, format *string, formats ...string) {
	cmd.Flags().StringVarP(format, "output", "o", formats[0], joinOr(formats))
	if err := cmd.RegisterFlagCompletionFunc("output",
		cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was defined in the line above
	}
}
