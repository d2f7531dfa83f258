package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jwtsunset/audit"
	"jwtsunset/store"
)

const (
	maintenanceJob     = "maintenance"
	maintenanceTimeout = time.Hour
)

// maintain removes old history, and looks whether store and audit log are still sound.
func (d *daemon) maintain(ctx context.Context) error {
	if err := d.hold(ctx); err != nil {
		return fmt.Errorf("the store was not looked after: %w", err)
	}
	return errors.Join(d.prune(ctx), d.checkStore(ctx), d.verifyAudit(ctx))
}

func (d *daemon) prune(ctx context.Context) error {
	cfg, _ := d.current()
	pruned, err := d.store.Prune(ctx, d.clock().Add(-cfg.History.Keep))
	if err == nil && pruned != (store.Pruned{}) {
		d.log.Info("removed old history", "scans", pruned.Scans, "emptied", pruned.Emptied, "changes", pruned.Changes,
			"reminders", pruned.Reminders, "messages", pruned.Messages)
	}
	return err
}

func (d *daemon) checkStore(ctx context.Context) error {
	err := d.store.Check(ctx)
	if err == nil || errors.Is(err, store.ErrCorrupt) {
		d.metrics.StoreChecked(err == nil)
	}
	return err
}

// verifyAudit verifies the whole audit log, also against the checkpoint that is kept outside the database. What it
// cannot tell it does not show.
func (d *daemon) verifyAudit(ctx context.Context) error {
	kept, err := keptOutside(d.checkpointFile)
	if err != nil {
		return err
	}
	err = d.store.AuditLog(ctx, func(l audit.Log) error {
		key, err := d.store.AuditKey()
		if err != nil {
			return err
		}
		_, err = audit.Verify(ctx, l, audit.Trust{Key: key, Checkpoints: kept})
		return err
	})
	if err == nil || errors.Is(err, audit.ErrTampered) {
		d.metrics.AuditVerified(d.clock(), err == nil)
	}
	return err
}

// firstVerification verifies the audit log at the start, while everything else goes on.
func (d *daemon) firstVerification(ctx context.Context) {
	if err := d.verifyAudit(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("the audit log", "error", err)
	}
}

func (d *daemon) publishAuditHead(ctx context.Context) error {
	_, head, err := d.store.AuditHead(ctx)
	if err != nil {
		return err
	}
	key, err := d.store.AuditKey()
	if err != nil {
		return err
	}
	d.metrics.AuditHead(head.Size, head.Hash.String(), key.Fingerprint())
	return nil
}
