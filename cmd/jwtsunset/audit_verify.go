package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/audit"
	"jwtsunset/config"
	"jwtsunset/report"
	"jwtsunset/store"
)

// verification is one call of audit verify.
type verification struct {
	path        string // of an exported log; "" for the store's
	key         string
	checkpoints []string
	format      string
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var v verification
	cmd := &cobra.Command{
		Use:   "verify [EXPORT]",
		Short: "Verify the audit log, or one exported earlier",
		Long: `Verify the audit log of the store, or an EXPORT: the folder that audit export made, or the entries.jsonl in it.
An export needs no configuration and no store.

The key to trust is --key, a public key or a file with one, else that of the key file. An export carries its public key,
which proves nothing by itself: compare its fingerprint with the one you know. A checkpoint that was kept elsewhere
(--checkpoint FILE, more than once if you like) shows that nothing before it was cut or rewritten, even by
somebody who had the key.

Exit code: 0 sound, 3 tampered with (the entry is named), 4 could not check, 1 any other error.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(v.format, "text", report.FormatJSON); err != nil {
				return err
			}
			v.path = strings.Join(args, "")
			return a.auditVerify(cmd.Context(), v)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&v.key, "key", "", "public `key` to trust, or a file with one (default: of the log's key file)")
	flags.StringArrayVar(&v.checkpoints, "checkpoint", nil, "`file` with a checkpoint that was kept elsewhere")
	formatFlag(cmd, &v.format, "text", report.FormatJSON)
	return a.configured(cmd)
}

func (a *app) auditVerify(ctx context.Context, v verification) error {
	trust, err := v.trust()
	if err != nil {
		return err
	}
	var outcome verified
	if v.path != "" {
		outcome, err = verifyExport(ctx, v.path, trust)
	} else {
		outcome, err = a.verifyStore(ctx, trust)
	}
	var tampered *audit.Tampered
	switch {
	case errors.As(err, &tampered):
		outcome.Result, outcome.Found = "tampered", tampered.What
		outcome.Entry, outcome.LastEntry = tampered.Entry, tampered.Last
		a.result = exitTampered
	case err != nil:
		return unchecked(err)
	default:
		outcome.Result = "sound"
	}
	return a.writeVerified(outcome, v.format)
}

// unchecked is the error of a command that could not check what it should.
func unchecked(err error) error {
	if own := new(coded); errors.As(err, own) {
		return err
	}
	return coded{fmt.Errorf("could not check: %w", err), exitPartial}
}

// trust reads what the caller knows from elsewhere.
func (v verification) trust() (audit.Trust, error) {
	var trust audit.Trust
	if v.key != "" {
		text := v.key
		if content, err := os.ReadFile(v.key); err == nil {
			text = strings.TrimSpace(string(content))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return trust, fmt.Errorf("--key: %w", err)
		}
		key, err := audit.ParsePublicKey(text)
		if err != nil {
			return trust, hinted{fmt.Errorf("--key: %w", err),
				"give the public key as audit verify prints it, or a file with that"}
		}
		trust.Key = key
	}
	for _, file := range v.checkpoints {
		note, err := os.ReadFile(file) //nolint:gosec // the user names it
		if err == nil {
			_, err = audit.ReadCheckpoint(note)
		}
		if err != nil {
			return trust, fmt.Errorf("--checkpoint %s: %w", file, err)
		}
		trust.Checkpoints = append(trust.Checkpoints, note)
	}
	return trust, nil
}

// verifyStore verifies the log of the store with the key from its key file, unless another is trusted, and compares it
// with the checkpoint that is kept outside.
func (a *app) verifyStore(ctx context.Context, trust audit.Trust) (outcome verified, err error) {
	err = a.onRecord(ctx, func(cfg *config.Config, s *store.Store) error {
		keyFile, checkpointFile := s.AuditFiles(cfg.Audit.KeyFile, cfg.Audit.CheckpointFile)
		outcome.KeyFrom = "given"
		if trust.Key.IsZero() {
			key, err := audit.LoadKey(keyFile)
			if err != nil {
				return hinted{err, "name the public key with --key"}
			}
			trust.Key, outcome.KeyFrom = key.Public(), keyFile
		}
		kept, err := keptOutside(checkpointFile)
		if err != nil {
			return err
		}
		trust.Checkpoints = append(trust.Checkpoints, kept...)
		return s.AuditLog(ctx, func(l audit.Log) error {
			r, err := audit.Verify(ctx, l, trust)
			outcome.add(r)
			return err
		})
	})
	return outcome, err
}

// keptOutside is the checkpoint that is kept outside the database, if there is one. It must be read before the log,
// which may grow meanwhile.
func keptOutside(file string) ([][]byte, error) {
	if file == "" {
		return nil, nil
	}
	note, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return [][]byte{note}, err
}

// verifyExport verifies an exported log. Unless a key is given, that the export is as it was made only follows if its
// own key is the right one.
func verifyExport(ctx context.Context, path string, trust audit.Trust) (outcome verified, err error) {
	outcome.KeyFrom = "given"
	if trust.Key.IsZero() {
		outcome.KeyFrom = "the export's own: compare it with the one you know"
	}
	log, err := audit.OpenBundle(path)
	if err != nil {
		return outcome, err
	}
	r, err := audit.Verify(ctx, log, trust)
	outcome.add(r)
	return outcome, err
}

// verified is the outcome of a verification, as JSON gives it.
type verified struct {
	Result string `json:"result"`
	// Entry and LastEntry are the first and last entry that may be bad, and Found says what is wrong.
	Entry     int64  `json:"entry,omitempty"`
	LastEntry int64  `json:"last_entry,omitempty"`
	Found     string `json:"found,omitempty"`

	FirstSeq    int64     `json:"first_seq"`
	LastSeq     int64     `json:"last_seq"`
	Hash        string    `json:"hash"`
	From        time.Time `json:"from,omitzero"`
	To          time.Time `json:"to,omitzero"`
	Key         string    `json:"key"`
	Fingerprint string    `json:"fingerprint"`
	KeyFrom     string    `json:"key_from"`
	Checkpoints int       `json:"checkpoints_compared"`
	// Unreached are checkpoints that are older than an export's first entry.
	Unreached int   `json:"checkpoints_older"`
	Backwards int64 `json:"clock_went_back"`
	// Replaced are the entries at which a lost key was replaced without its word.
	Replaced []int64 `json:"key_replaced_at,omitempty"`
}

func (v *verified) add(r audit.Report) {
	if len(r.Keys) == 0 {
		return
	}
	key := r.Keys[len(r.Keys)-1]
	v.FirstSeq, v.LastSeq, v.Hash = r.First, r.Last, r.Head.Hash.String()
	v.From, v.To = r.FirstTime, r.LastTime
	v.Key, v.Fingerprint = key.Key.String(), key.Key.Fingerprint()
	v.Checkpoints, v.Unreached, v.Backwards = r.Kept, r.Unreached, r.BackwardsCount
	for _, k := range r.Keys {
		if k.Replaced {
			v.Replaced = append(v.Replaced, k.From)
		}
	}
}

func (a *app) writeVerified(v verified, format string) error {
	if format == report.FormatJSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(v)
	}
	var b bytes.Buffer
	v.print(&b)
	_, err := b.WriteTo(a.stdout)
	return err
}

func (v *verified) print(b *bytes.Buffer) {
	if v.Result != "sound" {
		fmt.Fprintf(b, "TAMPERED WITH: %s\n", v.Found)
		fmt.Fprintln(b, "keep everything as it is for whoever looks into it; restore a backup only to another place")
		return
	}
	if v.LastSeq == 0 {
		fmt.Fprintln(b, "sound: the log has no entry yet")
		return
	}
	fmt.Fprintf(b, "sound: entries %d to %d, from %s to %s\n", v.FirstSeq, v.LastSeq, seconds(v.From), seconds(v.To))
	fmt.Fprintf(b, "hash of the last entry: %s\n", v.Hash)
	fmt.Fprintf(b, "public key:  %s\nfingerprint: %s (%s)\n", v.Key, v.Fingerprint, v.KeyFrom)
	fmt.Fprintf(b, "checkpoints from outside the log that agree: %d\n", v.Checkpoints)
	if v.Unreached > 0 {
		fmt.Fprintf(b, "checkpoints that are older than entry %d and were not compared: %d\n", v.FirstSeq, v.Unreached)
	}
	for _, seq := range v.Replaced {
		fmt.Fprintf(b, "note: at entry %d the key was replaced without the old one's signature, because it was lost\n", seq)
	}
	if v.Backwards > 0 {
		fmt.Fprintf(b, "note: the clock went back %d times between two entries, which is no sign of tampering\n", v.Backwards)
	}
}

func seconds(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
