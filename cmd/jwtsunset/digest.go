package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"jwtsunset/credential"
	"jwtsunset/notify"
	"jwtsunset/store"
)

const (
	// digestSpan is what a digest looks back over, and digestShown how many credentials of a kind it names.
	digestSpan  = 7 * 24 * time.Hour
	digestShown = 10
	// digestLate is from when a reminder that is due counts as late.
	digestLate = 24 * time.Hour
)

// queueDigest queues the digest of this week for the security channel, once a week however often it is called. It
// reports false where there is no channel for it.
func (r *reminders) queueDigest(ctx context.Context) (bool, error) {
	to := r.policy.Fallback
	if to.IsZero() {
		return false, nil
	}
	now := r.clock()
	year, week := now.In(r.policy.Zone).ISOWeek()
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	o := notify.Outgoing{
		ID: hex.EncodeToString(id), Kind: notify.KindDigest, To: to, Key: fmt.Sprintf("digest/%d-W%02d", year, week),
		Language: r.policy.Language, Zone: r.policy.Zone.String(), Created: now, NotBefore: now,
		State: notify.StateQueued,
	}
	err := r.store.QueueMessage(ctx, o)
	if errors.Is(err, notify.ErrConflict) {
		return true, nil // this week's is queued or sent
	}
	return err == nil, err
}

// digestOf computes a digest as things stand now.
func (r *reminders) digestOf(ctx context.Context, _ notify.Outgoing) (*notify.Digest, error) {
	s, err := r.state(ctx)
	if err != nil {
		return nil, err
	}
	return r.digestFrom(ctx, s, r.accounts.LookUp(ctx))
}

func (r *reminders) digestFrom(ctx context.Context, s notify.State, look notify.LookUp) (*notify.Digest, error) {
	d := &notify.Digest{From: s.Now.Add(-digestSpan), To: s.Now, Reach: map[notify.Contact]int{}}
	for _, o := range s.Organizations {
		numbers, err := r.digestOrganization(ctx, o, d.From, s.Now)
		if err != nil {
			return nil, err
		}
		d.Organizations = append(d.Organizations, numbers)
	}
	overview := r.policy.Overview(s, look)
	d.Reach, d.Silent = overview.Reach(), overview.Silent()
	if s.Now.Sub(overview.OldestDue) > digestLate {
		d.OldestDue = overview.OldestDue
	}
	d.Unowned, d.UnownedTotal = topItems(overview.Unowned())
	d.Broken, d.BrokenTotal = topItems(overview.Broken())
	var err error
	if d.Waiting, d.WaitingTotal, err = r.waiting(ctx); err != nil {
		return nil, err
	}
	d.Checkpoint, err = r.checkpoint(ctx)
	return d, err
}

// topItems keeps the most urgent items and counts all.
func topItems(items []notify.Item) ([]notify.Item, int) {
	return items[:min(len(items), digestShown)], len(items)
}

// checkpoint is the audit log's newest signed checkpoint.
func (r *reminders) checkpoint(ctx context.Context) (string, error) {
	note, _, err := r.store.AuditHead(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return string(note), err
}

func (r *reminders) digestOrganization(
	ctx context.Context, o notify.Organization, from, now time.Time,
) (notify.DigestOrganization, error) {
	d := notify.DigestOrganization{Name: o.Name, Changes: map[credential.ChangeKind]int{}}
	scans, err := r.store.ScanSummaries(ctx, o.Name, time.Time{}, 0)
	if err != nil {
		return d, err
	}
	slices.SortFunc(scans, func(a, b credential.ScanSummary) int { return cmp.Compare(a.ID, b.ID) })
	points := credential.BurnDown(scans)
	d.Pace = credential.PaceOf(points, now)
	if n := len(points); n > 0 {
		d.Counts = points[n-1].Counts
	}
	if before, ok := pointBefore(points, from); ok {
		d.Before, d.Compared = before.Counts, true
	}
	d.Complete, d.ScannedAt = o.Last.Complete, o.Last.Finished
	for _, c := range o.Credentials {
		if x, ok := credential.Effective(c, r.policy.Deadlines); ok && (d.Deadline.Name == "" || x.At.Before(d.Deadline.At)) {
			d.Deadline = x
		}
	}
	err = r.changesSince(ctx, &d, scans, from)
	return d, err
}

// pointBefore is where an organization stood at a time.
func pointBefore(points []credential.Point, at time.Time) (credential.Point, bool) {
	for i := len(points) - 1; i >= 0; i-- {
		if !points[i].Day.After(at) {
			return points[i], true
		}
	}
	return credential.Point{}, false
}

// changesSince counts what scans found since a time, by kind.
func (r *reminders) changesSince(
	ctx context.Context, d *notify.DigestOrganization, scans []credential.ScanSummary, from time.Time,
) error {
	first := slices.IndexFunc(scans, func(s credential.ScanSummary) bool { return !s.Started.Before(from) })
	if first < 0 {
		return nil
	}
	counts, err := r.store.ChangeCounts(ctx, d.Name, scans[first].ID)
	for _, of := range counts {
		for kind, n := range of {
			d.Changes[kind] += n
		}
	}
	return err
}
