// Package migrator carries out approved migrations, one at a time over the whole installation, and never twice.
//
// What holds, whatever fails in between: the intent is on record before the start leaves, a start is never repeated by
// the program, and nothing is believed before it was read back. Where the truth cannot be read, or the sender of an
// attempt may still live, the migration needs a person, and until then nothing else starts.
package migrator

import (
	"context"

	"jwtsunset/approval"
	"jwtsunset/audit"
)

// Ledger keeps migrations. What a method does is done and recorded in one transaction that survives a crash of the
// process and of the machine, or not at all.
type Ledger interface {
	// Migrations gives those in some states, all open ones if none is named, the oldest request first.
	Migrations(ctx context.Context, states ...approval.State) ([]Migration, error)
	// ChangeMigration reads a migration and the line, lets change alter both and writes them with the event that it gives.
	// An error of change leaves both as they were and is given back. At most one migration is in flight: a change that
	// would make it two fails with ErrBusy.
	ChangeMigration(
		ctx context.Context, id string, change func(*Migration, *approval.Line) (audit.Event, error),
	) (Migration, error)
	// Line gives the line, and ChangeLine changes it alone.
	Line(ctx context.Context) (approval.Line, error)
	ChangeLine(ctx context.Context, change func(*approval.Line) (audit.Event, error)) (approval.Line, error)
}
