package metrics

// Label names of notifications.
const (
	labelChannel = "channel"
	labelReason  = "reason"
	labelMethod  = "method"
	labelKind    = "kind"
	labelCode    = "code"
)

// Messages, and the channels by which they go: slack, webhook.
var (
	notificationsSent = counter("notifications_total",
		"Messages that were sent, by channel (slack, webhook) and kind (reminder, escalation, digest).",
		labelChannel, labelKind)
	notificationsFailed = counter("notifications_failed_total",
		"Attempts at a message that failed, those that are repeated included; increase() by reason tells what to repair.",
		labelChannel, labelKind, labelReason)
	notificationsSuppressed = counter("notifications_suppressed_total",
		"Messages dropped right before they were sent, because nothing was left to say.",
		labelChannel, labelKind, labelReason)
	channelUp = gauge("notification_channel_up",
		"0 while the channel can send nothing until an operator repairs it, as with a revoked token, else 1."+
			" Absent until the channel was first used.",
		labelChannel)
	reminderLateness = newFamily("histogram", "reminder_lateness_seconds",
		"Time from when a reminder's most overdue step came due until the reminder was sent, quiet hours included.")
)

// Calls to Slack.
var (
	slackRequests = counter("slack_requests_total",
		"Requests to Slack by method and outcome, retries included; ok, Slack's word for an error, or ours where none came.",
		labelMethod, labelCode)
	slackDuration = newFamily("histogram", "slack_request_duration_seconds",
		"Duration of requests to Slack, without the wait for their turn.", labelMethod)
)

// notificationFamilies are those that grow with what is sent.
func notificationFamilies() []*family {
	return []*family{
		notificationsSent, notificationsFailed, notificationsSuppressed, channelUp, reminderLateness,
		slackRequests, slackDuration,
	}
}

// How far reminders have come.
var (
	queueLength = gauge("notification_queue_length",
		"Messages that wait to be sent, by channel. Those put off by quiet hours are among them.", labelChannel)
	oldestQueued = gauge("notification_oldest_queued_timestamp_seconds",
		"Instant at which the oldest message that still waits was queued, in Unix seconds; 0 if none waits.")
	oldestDue = gauge("reminder_oldest_due_timestamp_seconds",
		"Instant at which the oldest step came due that is not taken, in Unix seconds; 0 if none waits: time() - this > 0.")
	remindersLastRun = gauge("reminders_last_run_timestamp_seconds",
		"End of the latest run that decided about reminders, in Unix seconds; 0 if there was none.")
	remindersWaiting = gauge("reminders_waiting",
		"Open credentials for which a step is due that cannot be taken, by the reason.", labelReason)
)

// Owners of open credentials.
var (
	credentialsByContact = gauge("credentials_by_contact",
		"Open credentials by how far their owners were reached. The sum is all open credentials.",
		labelOrganization, "contact")
	credentialsOwnerUnknown = gauge("credentials_owner_unknown",
		"Open credentials whose owner is not known or cannot be reached.", labelOrganization)
	credentialsSilent = gauge("credentials_silent",
		"Open credentials with as many unanswered reminders as lead to an escalation.", labelOrganization)
	answersInForce = gauge("answers",
		"Open credentials by the answer of the owner that is in force.", labelOrganization, labelKind)
	promisesBroken = gauge("promises_broken",
		"Open credentials whose promised date has passed.", labelOrganization)
)

// reminderFamilies are those that the published Reminders decide.
func reminderFamilies() []*family {
	return []*family{
		queueLength, oldestQueued, oldestDue, remindersLastRun, remindersWaiting,
		credentialsByContact, credentialsOwnerUnknown, credentialsSilent, answersInForce, promisesBroken,
	}
}
