package metrics

// Label names of migrations.
const (
	labelResult   = "result"
	labelDecision = "decision"
	labelCause    = "cause"
	labelWatch    = "watch"
)

// Requests and decisions.
var (
	approvalsPending = gauge("approvals_pending",
		"Requests for migration that wait for people to decide.")
	approvalOldestPending = gauge("approval_oldest_pending_timestamp_seconds",
		"Instant since which the oldest request waits for people to decide, in Unix seconds; 0 if none waits.")
	approvalDecisions = counter("approval_decisions_total",
		"Decisions about migrations, by the audit log; refused: somebody tried, and the rules did not let it count.",
		labelDecision)
)

// Migrations, and the line on which they run.
var (
	migrationsTotal = counter("migrations_total",
		"How migrations came out, by the audit log; one that needs attention comes out once more when it is settled.",
		labelOrganization, labelResult)
	migrationsNeedingAttention = gauge("migrations_needing_attention",
		"Migrations of which a person must find out, or say, what is so.")
	migrationOldestWaiting = gauge("migration_oldest_waiting_timestamp_seconds",
		"Instant since which the oldest approved request could have started, in Unix seconds; 0 if none waits.")
	migrationInProgress = gauge("migration_in_progress",
		"1 while a migration is in flight, or was and its sender may still live, else 0.")
	migrationStarted = gauge("migration_started_timestamp_seconds",
		"Instant at which the migration in flight was begun, in Unix seconds; 0 if none is.")
	migrationDuration = newFamily("histogram", "migration_duration_seconds",
		"Time from when the start of a migration left this process until it was read back from Adobe that it is done.")
	migrationsPaused = gauge("migrations_paused",
		"1 for each cause that keeps this process from starting a migration now, else 0.", labelCause)
	migrationsWatched = gauge("migrations_watched",
		"Credentials that were read back as migrated, by what watching them since has found.",
		labelOrganization, labelWatch)
	leader = gauge("leader",
		"1 while this process holds the right to work on the line of migrations, else 0.")
)

// migrationFamilies are those that the published Migrations decide.
func migrationFamilies() []*family {
	return []*family{
		approvalsPending, approvalOldestPending, approvalDecisions, migrationsTotal, migrationsNeedingAttention,
		migrationOldestWaiting, migrationInProgress, migrationStarted, migrationsPaused, migrationsWatched, leader,
	}
}
