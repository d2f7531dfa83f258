package config

import (
	"net/http"
	"strings"
	"time"
)

// Key is one key of the configuration that can be set.
type Key struct {
	// Path is the key's place, as in adobe.concurrency; [N] stands for the number of a list's element, from 0.
	Path string
	// Env is the environment variable that sets it; <N> stands for the number of a list's element.
	Env string
	// Flag is the command-line flag that sets it, with its dashes. Keys inside lists, and lists, have none: they are
	// set with --set.
	Flag string
	// Type completes "must be …".
	Type string
	// Default is the value when nothing sets the key, in YAML; empty for keys inside lists that have no default.
	Default string
	Help    string
	// Restart is set for keys whose change needs a restart; the others follow SIGHUP.
	Restart bool
}

// Keys lists every key in the order of the documentation. Sections are not listed, nor the elements of lists of single
// values. Flags, environment variables, the example and the reference in the documentation come from the same table.
func Keys() []Key {
	var keys []Key
	schema().visit(func(n *node) {
		if n.kind == section || n.name == "" {
			return
		}
		keys = append(keys, n.key())
	})
	return keys
}

// required marks keys without which there is no configuration.
const required = "required"

// rule is one line of the table of keys.
type rule struct {
	path string
	form form
	// sample is the value in the example where there is no default; "required" also says that the key must be there.
	sample string
	need   string
	help   string
}

// list and group are the forms of what is not a single value.
var (
	listForm  = form{name: "a list"}
	groupForm = form{name: "a section"}
)

// restartOnly are the keys, and the sections of keys, that a reload cannot change.
var restartOnly = []string{
	"store", "store_file", "store_env", "store_on_network", "audit", "listen", "metrics.web_config_file", "log.format",
}

func needsRestart(path string) bool {
	for _, key := range restartOnly {
		if path == key || strings.HasPrefix(path, key+".") {
			return true
		}
	}
	return false
}

var kindForm = oneOf(kindQueryService, kindDeveloperConsole)

// rules is the table of all keys but for their Go types and defaults, which are those of Config and Default.
var rules = []rule{
	{"organizations", listForm, "", required, "The Adobe organizations that are scanned."},
	{"organizations[]", groupForm, "", "", "One organization."},
	{"organizations[].name", label, "acme", required,
		"Our name of the organization: it labels metrics and records. Must be unique; renaming one begins a new history."},
	{"organizations[].ims_org", imsOrg, "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg", required,
		"Adobe's id of the organization, as the Developer Console shows it."},
	{"organizations[].client_id", clientID, "0f1e2d3c4b5a69788796a5b4c3d2e1f0", required,
		"Client id of the credential that reads the organization; it is also sent as the API key."},
	{"organizations[].client_secret_file", secretPath, "/run/secrets/adobe", "",
		"File with the client secret. Exactly one of the four keys that end in _file and _env must be set."},
	{"organizations[].client_secret_env", envName, "ADOBE_CLIENT_SECRET", "",
		"Environment variable with the client secret, in place of the file."},
	{"organizations[].user_token_file", secretPath, "/run/secrets/adobe-token", "",
		"File with a user's access token, in place of a client secret. Tokens end after a day: replace the file in time."},
	{"organizations[].user_token_env", envName, "ADOBE_USER_TOKEN", "",
		"Environment variable with a user's access token, in place of the file."},
	{"organizations[].scopes", listForm, "", "",
		"Scopes asked for with the token. Copy them from the credential's page in the Developer Console if they differ."},
	{"organizations[].scopes[]", scope, "", "", "One scope."},

	{"adobe", groupForm, "", "", "Where Adobe is and how hard it may be asked."},
	{"adobe.ims_url", baseURL, "", "", "Adobe's Identity Management, which gives access tokens."},
	{"adobe.platform_url", baseURL, "", "", "Experience Platform: sandboxes and Query Service."},
	{"adobe.console_url", orEmpty(baseURL), "", "", "Developer Console. Empty: the Console is not asked."},
	{"adobe.ui_url", linkTemplate, "", "",
		"Link to Adobe's page for migrations by hand; {ims_org}, {sandbox} and {credential_id} are filled in."},
	{"adobe.requests_per_second", number(0, 10000), "", "",
		"Highest rate of requests to Adobe for each organization. 0: no limit."},
	{"adobe.concurrency", whole(1, 256), "", "",
		"Requests to Adobe that may be under way at a time for each organization."},
	{"adobe.request_timeout", duration(10*time.Millisecond, 10*time.Minute), "", "", "Time limit of one request."},
	{"adobe.retries", whole(1, 20), "", "",
		"How often a request that fails and may be repeated is sent at most, the first time included."},
	{"adobe.retry_after_max", duration(10*time.Millisecond, time.Hour), "", "",
		"Longest wait that an answer of Adobe's may ask for; longer ones are cut to this."},
	{"adobe.max_response_bytes", whole(1024, 1<<30), "", "", "Largest answer that is read, in bytes."},
	{"adobe.ca_file", orEmpty(filePath), "/etc/ssl/private-ca.pem", "",
		"PEM file with certificate authorities to trust besides the system's."},
	{"adobe.undocumented", groupForm, "", "",
		"Points that Adobe does not document, each with a careful default."},
	{"adobe.undocumented.accounts_limit", whole(0, 1000), "", "",
		"Page size asked for when listing Query Service accounts. Adobe documents no such parameter. 0: none is sent."},
	{"adobe.undocumented.accounts_order_check", oneOf("auto", "always", "never"), "", "",
		"When a list of accounts is read a second time, oldest first, to find what the first reading missed. Adobe does" +
			" not document whether a page begins at or after its cursor. auto: when a page ends among accounts of one time" +
			" or the list is shorter than before; never: a list with such a page counts as not read."},
	{"adobe.undocumented.sandbox_list", oneOf("all", "visible"), "", "",
		"Which list of sandboxes is read. Adobe does not document what the list of visible ones leaves out. all: every" +
			" sandbox of the organization, and the scan is partial where Adobe shows only the visible ones; visible: those the" +
			" credential may see, taken for all there are."},
	{"adobe.undocumented.inactive_accounts", boolean, "", "",
		"Whether accounts that are not active are asked for too, by a filter that Adobe documents for no such list. It" +
			" doubles the requests; without it Adobe seems to list active accounts only."},
	{"adobe.undocumented.admin_verification_texts", listForm, "", "",
		"Texts by which an answer is recognized as the refusal of the admin verification; case does not matter. Adobe" +
			" documents what its page shows and not the answer behind it."},
	{"adobe.undocumented.admin_verification_texts[]", anyText, "", "", "One text."},
	{"adobe.undocumented.console_api_key", orEmpty(clientID), "aio-cli-console-auth", "",
		"API key sent to the Developer Console. Adobe does not document which keys it takes. Empty: the client id."},

	{"scan", groupForm, "", "", "What one scan covers."},
	{"scan.timeout", duration(100*time.Millisecond, 24*time.Hour), "", "",
		"Time limit of one scan of one organization; one that is cut off is partial."},
	{"scan.include", groupForm, "", "", "What to scan."},
	{"scan.include.sandboxes", listForm, "prod*", "", "Sandboxes to scan. Empty: all that are active."},
	{"scan.include.sandboxes[]", globForm, "prod*", "", "Pattern of sandbox names; case does not matter."},
	{"scan.exclude", listForm, "", "",
		"What to leave out; in the patterns case does not matter. Each thing left out is counted and listed."},
	{"scan.exclude[]", groupForm, "", "", "One rule: exactly one pattern and a reason."},
	{"scan.exclude[].sandbox", globForm, "dev-*", "", "Pattern of sandbox names."},
	{"scan.exclude[].credential", globForm, "5F1C2D3E*", "", "Pattern of technical account ids."},
	{"scan.exclude[].name", globForm, "test *", "", "Pattern of credential names."},
	{"scan.exclude[].owner", globForm, "*@contractor.example.com", "", "Pattern of owners."},
	{"scan.exclude[].reason", anyText, "rebuilt every night", required, "Why; it is shown in reports."},
	{"scan.page_limit", whole(1, 1000000), "", "", "Most pages read of one list before it is given up as endless."},

	{"deadlines", listForm, "", "", "The dates to count down to. A list here replaces the default list."},
	{"deadlines[]", groupForm, "", "", "One date."},
	{"deadlines[].name", pattern("1 to 63 lower-case letters, digits, dashes and underscores", `[a-z0-9_-]{1,63}`),
		"end-of-support", required, "Name of the deadline: it labels metrics. Must be unique and not certificate."},
	{"deadlines[].date", date, "2025-06-30", required,
		"Last good day, which ends at midnight in time_zone, or an exact instant."},
	{"deadlines[].time_zone", zone, "", "", "Zone of the date."},
	{"deadlines[].applies_to", listForm, "", "", "Kinds of credentials it applies to."},
	{"deadlines[].applies_to[]", kindForm, "", "", "One kind."},

	{"schedule", groupForm, "", "", "When serve works: cron schedules of five fields (Sunday is 0)."},
	{"schedule.time_zone", zone, "", "", "Zone of the schedules. UTC has no hour that is skipped or comes twice."},
	{"schedule.scan", cronForm, "", "", "When to scan."},
	{"schedule.maintenance", cronForm, "", "",
		"When to remove old history, check the whole store, and verify the audit log."},
	{"schedule.remind", cronForm, "", "",
		"When to look whom to remind. What an owner's hours or weekdays hold back is sent as soon as they allow it."},
	{"schedule.digest", cronForm, "", "", "When slack.channel gets its summary."},
	{"schedule.jitter", duration(0, time.Hour), "", "", "Longest random delay before a scheduled run."},

	{"store", storeURL, "", "",
		"Where results are kept: sqlite:PATH or postgres://USER@HOST/DATABASE. Never a password here."},
	{"store_file", orEmpty(secretPath), "/run/secrets/store", "",
		"File with the address of the store, for one that holds a password. Set at most one of the three."},
	{"store_on_network", boolean, "", "",
		"Whether the database may be on a network file system. SQLite's locks may not hold there: set it only if one" +
			" machine alone ever opens the file."},
	{"store_env", orEmpty(envName), "STORE_URL", "", "Environment variable with the address of the store."},

	{"history", groupForm, "", "", "How long the record of scans is kept."},
	{"history.keep", duration(90*24*time.Hour, 36500*24*time.Hour), "", "",
		"Age from which scans and the changes they found are removed. What is known of credentials and the audit log" +
			" always stay, and so does the outcome of one complete scan a day."},

	{"audit", groupForm, "", "", "The audit log, whose entries are chained by hashes and signed."},
	{"audit.key_file", orEmpty(filePath), "/var/lib/jwtsunset/audit-key", "",
		"File with the private key that signs the log; it is made when the log begins. Empty: beside a SQLite database," +
			" FILE.audit-key. With PostgreSQL it must be set, to the same key on every replica."},
	{"audit.checkpoint_file", orEmpty(filePath), "/mnt/elsewhere/jwtsunset.checkpoint", "",
		"File that gets the newest signed checkpoint after each entry, best where this program's user cannot change what" +
			" was there before. Empty: beside a SQLite database, FILE.checkpoint; with PostgreSQL none."},
	{"audit.checkpoint_stdout", boolean, "", "",
		"Whether serve writes each new checkpoint to stdout, as a line of JSON for whoever collects it."},

	{"listen", groupForm, "", "", "Addresses of the listeners. Port 0 takes a free port."},
	{"listen.metrics", address, "", "", "Metrics, health and the landing page."},
	{"listen.web", address, "", "", "Web page for people. Must differ from listen.metrics."},

	{"metrics", groupForm, "", "", "What /metrics shows and who may read it."},
	{"metrics.credential_series_limit", whole(0, 1000000), "", "",
		"Most credentials with series of their own; totals always count all. 0: no such series."},
	{"metrics.owner_label", boolean, "", "", "Whether metrics name the owners: personal data, so off unless you ask."},
	{"metrics.web_config_file", orEmpty(filePath), "/etc/jwtsunset/web.yml", "",
		"Prometheus exporter-toolkit file with TLS and basic authentication for listen.metrics. Empty: neither."},

	{"log", groupForm, "", "", "How the program logs, on stderr."},
	{"log.level", oneOf("debug", "info", "warn", "error"), "", "", "Least level that is logged."},
	{"log.format", oneOf("text", "json"), "", "", "Form of the log lines."},

	{"reminders", groupForm, "", "",
		"When and how owners are reminded. It takes effect with a Slack token or with webhook.url."},
	{"reminders.enabled", boolean, "", "", "Whether owners are reminded at all."},
	{"reminders.windows", listForm, "", "",
		"Days before a deadline on which owners are reminded, from the first to the last. Empty: not before it."},
	{"reminders.windows[]", whole(1, 730), "", "", "Days before the deadline."},
	{"reminders.overdue_every", days(1, 365), "", "", "Time between reminders after a deadline."},
	{"reminders.hours", hoursForm, "", "",
		"Hours in which people are told, in the time zone of their Slack account; channels go by schedule.time_zone."},
	{"reminders.weekdays", listForm, "", "", "Days of the week on which people are told."},
	{"reminders.weekdays[]", weekdayForm, "", "", "One day."},
	{"reminders.min_gap", duration(0, 30*day), "", "", "Shortest time between two reminders to the same recipient."},
	{"reminders.escalate_after", whole(0, 100), "", "",
		"Reminders in a row that an owner leaves unanswered before the manager is told. 0: never."},
	{"reminders.run_limit", whole(1, 1000000), "", "",
		"Most messages that one run may queue. A run that would queue more queues none and says so: more likely" +
			" something is wrong than so much is due at once."},
	{"reminders.evidence_age", duration(time.Hour, 365*day), "", "",
		"Nobody is reminded of a credential that no scan has met for longer than this."},
	{"reminders.snooze_max", duration(time.Hour, 365*day), "", "",
		"Longest time for which an owner can be left in peace."},
	{"reminders.snooze_count", whole(0, 100), "", "",
		"How often an owner can ask to be left in peace about one credential."},
	{"reminders.promise_max", duration(day, 730*day), "", "", "How far ahead the date may lie that an owner promises."},
	{"reminders.review", duration(day, 365*day), "", "",
		"When an answer without a date, that a credential is blocked or retired, is looked at again."},
	{"reminders.language", language, "", "", "Language of messages where the recipient's own is not known or not there."},
	{"reminders.templates", orEmpty(folderPath), "/etc/jwtsunset/templates", "",
		"Folder with your own templates of the messages. Empty: the built-in ones."},
	{"reminders.owners_file", orEmpty(filePath), "/etc/jwtsunset/owners.yml", "",
		"File that says to whom identities belong that Slack does not know; see docs/owners.md."},
	{"reminders.page_url", orEmpty(baseURL), "https://jwtsunset.example.com", "",
		"Address at which people reach the web page, for the links in messages. Empty: no links."},

	{"slack", groupForm, "", "", "Slack, on which owners are reminded."},
	{"slack.token_file", orEmpty(secretPath), "/run/secrets/slack-token", "", "File with the bot token."},
	{"slack.token_env", orEmpty(envName), "SLACK_TOKEN", "", "Environment variable with the bot token."},
	{"slack.app_token_file", orEmpty(secretPath), "/run/secrets/slack-app-token", "",
		"File with the app-level token. Accepted; has no effect in this version."},
	{"slack.app_token_env", orEmpty(envName), "SLACK_APP_TOKEN", "",
		"Environment variable with the app-level token. Accepted; has no effect in this version."},
	{"slack.signing_secret_file", orEmpty(secretPath), "/run/secrets/slack-signing", "",
		"File with the signing secret. Accepted; has no effect in this version."},
	{"slack.signing_secret_env", orEmpty(envName), "SLACK_SIGNING_SECRET", "",
		"Environment variable with the signing secret. Accepted; has no effect in this version."},
	{"slack.api_url", slackURL, "", "", "Slack's Web API."},
	{"slack.channel", orEmpty(slackChannel), "#adobe-credentials", "",
		"Channel for what concerns everyone: the summary, and credentials whose owner cannot be told."},
	{"slack.domains", listForm, "example.com", "",
		"Domains of the e-mail addresses that are your organization's; a subdomain is listed by itself. Nobody of" +
			" another domain is looked up in Slack. Empty: all are looked up."},
	{"slack.domains[]", domain, "example.com", "", "One domain."},
	{"slack.guests", boolean, "", "", "Whether guests of the Slack workspace are told too."},

	{"webhook", groupForm, "", "", "An address of yours that gets reminders as signed CloudEvents."},
	{"webhook.url", orEmpty(baseURL), "https://hooks.example.com/jwtsunset", "",
		"Where reminders are posted to. Empty: nowhere. Needs webhook.secret_file or webhook.secret_env."},
	{"webhook.secret_file", orEmpty(secretPath), "/run/secrets/webhook", "", "File with the key that signs the requests."},
	{"webhook.secret_env", orEmpty(envName), "WEBHOOK_SECRET", "",
		"Environment variable with the key that signs the requests."},
	{"webhook.source", eventSource, "", "", "Source of the events: who sends them, for whoever gets several."},

	{"people", listForm, "", "",
		"People, each once, with all identities. Whoever has an e-mail address or Adobe id here is told in the Slack" +
			" account that stands beside it. Who is not here can ask for no migration and decide on none."},
	{"people[]", groupForm, "", "", "One person."},
	{"people[].name", anyText, "ana", required, "Name of the person in records. Must be unique."},
	{"people[].emails", listForm, "ana@example.com", "", "E-mail addresses."},
	{"people[].emails[]", email, "ana@example.com", "", "One address."},
	{"people[].slack", slackID, "U123", "", "Slack user id."},
	{"people[].oidc", listForm, "https://login.example.com|1234", "", "Sign-in identities. No effect in this version."},
	{"people[].oidc[]", oidcID, "https://login.example.com|1234", "", "Issuer and subject, with a | between."},
	{"people[].os_user", pattern("the name of an operating system user", `[^\s:]{1,64}`), "ana", "",
		"Operating system user, by whom the person is known on the command line."},
	{"people[].adobe", adobeID, "0A1B2C3D@AdobeID", "", "Adobe user id."},
	{"people[].roles", listForm, "approver", "", "What the person may do."},
	{"people[].roles[]", oneOf(roleApprover), roleApprover, "", "One role. approver: may approve, decline and revoke."},

	{"approval", groupForm, "", "", "Who must agree before a credential is migrated."},
	{"approval.via", listForm, "", "", "Where decisions can be made. In this version only cli has an effect."},
	{"approval.via[]", oneOf(doors...), "", "", "One door."},
	{"approval.required", whole(1, 10), "", "", "Approvals that a migration needs, each of another person."},
	{"approval.expires", duration(time.Minute, 365*24*time.Hour), "", "", "How long an approval holds."},
	{"approval.four_eyes", boolean, "", "", "Whether the approver must be neither requester nor owner."},
	{"approval.sandboxes", listForm, "", "",
		"Where more people must agree. Of the rules for a credential's sandboxes, and approval.required, the highest counts."},
	{"approval.sandboxes[]", groupForm, "", "", "One rule."},
	{"approval.sandboxes[].match", globForm, "prod*", required, "Pattern of sandbox names; case does not matter."},
	{"approval.sandboxes[].required", whole(1, 10), "2", required, "Approvals that a migration there needs."},

	{"migrator", groupForm, "", "", "How, how fast and when credentials are migrated."},
	{"migrator.enabled", boolean, "", "", "Whether to migrate. Nothing is migrated without an approval."},
	{"migrator.client_id", orEmpty(clientID), "1f2e3d4c5b6a79889786a5b4c3d2e1f0", "",
		"Client id of the credential that starts migrations. It belongs to one organization, so it takes a configuration" +
			" with one. Empty: the credential that scans also migrates, and so needs the right to."},
	{"migrator.client_secret_file", orEmpty(secretPath), "/run/secrets/adobe-migrator", "", "File with its secret."},
	{"migrator.client_secret_env", orEmpty(envName), "ADOBE_MIGRATOR_SECRET", "", "Environment variable with its secret."},
	{"migrator.scopes", listForm, "", "",
		"Scopes of the token that migrates. The two last are for reading when each half was used last; which of them Adobe" +
			" insists on is not documented."},
	{"migrator.scopes[]", scope, "", "", "One scope."},
	{"migrator.methods", groupForm, "", "", "Method for each kind of credential."},
	{"migrator.methods.query-service", oneOf(methodGuided, kindQueryService), "", "",
		"Method for Query Service credentials. guided: a person does it on Adobe's page, and the result is read back;" +
			" query-service: one request to the endpoint of migrator.one_shot."},
	{"migrator.methods.developer-console", oneOf(kindDeveloperConsole, methodGuided), "", "",
		"Method for Developer Console credentials. developer-console: by the Console's API, for which adobe.console_url" +
			" must be set; guided: a person does it on Adobe's page."},
	{"migrator.pause", duration(0, 24*time.Hour), "", "", "Time from the end of one migration to the start of the next."},
	{"migrator.daily", whole(0, 1000000), "", "", "Most migrations that may start in 24 hours. 0: no limit."},
	{"migrator.stop_after", whole(1, 100), "", "",
		"Failures in a row after which no migration starts until a person lets them go on."},
	{"migrator.canary", boolean, "", "",
		"Whether the first migration by a method is watched to its end before another one starts by it."},
	{"migrator.timeout", duration(30*time.Second, 10*time.Minute), "", "",
		"Time limit of the request that starts a migration. It is never sent twice."},
	{"migrator.settle", duration(time.Second, time.Hour), "", "",
		"How long after a start what Adobe says may lag behind what it did. Less than 2m is for tests."},
	{"migrator.quarantine", duration(time.Second, 24*time.Hour), "", "",
		"How long a process is waited for that may still be sending a start, where nothing proves that it is dead. Less" +
			" than 5m is for tests."},
	{"migrator.watch", duration(0, 30*day), "", "", "How long a migrated credential is looked after. 0s: not at all."},
	{"migrator.rest", duration(0, 90*day), "", "",
		"How long nobody must have used the JWT half of a Developer Console credential before it is retired for good."},
	{"migrator.evidence_age", duration(time.Minute, 24*time.Hour), "", "",
		"Oldest look at a credential on which a migration is started; it is looked at again after that."},
	{"migrator.guided_time", duration(time.Minute, 30*day), "", "",
		"How long a person has for what only a person can do."},
	{"migrator.windows", listForm, "", "",
		"Times in which migrations may start, in schedule.time_zone. Empty: at any time. One that runs over midnight is" +
			" written as two."},
	{"migrator.windows[]", groupForm, "", "", "One time of the week."},
	{"migrator.windows[].weekdays", listForm, "mon", required, "Days of the week."},
	{"migrator.windows[].weekdays[]", weekdayForm, "mon", "", "One day."},
	{"migrator.windows[].hours", hoursForm, "09:00-15:00", required, "Hours of these days."},
	{"migrator.closed", listForm, "", "", "Days on which no migration starts, in schedule.time_zone."},
	{"migrator.closed[]", groupForm, "", "", "One span of days."},
	{"migrator.closed[].from", dayForm, "2026-12-20", required, "First day."},
	{"migrator.closed[].to", dayForm, "2027-01-06", required, "Last day."},
	{"migrator.closed[].reason", anyText, "end of the year", required, "Why; it is shown where a migration waits."},
	{"migrator.deny", listForm, "", "",
		"Credentials that this program must not migrate; in the patterns case does not matter."},
	{"migrator.deny[]", groupForm, "", "", "One rule: at least one pattern, all of which must match, and a reason."},
	{"migrator.deny[].credential", globForm, "5F1C2D3E*", "", "Pattern of technical account ids."},
	{"migrator.deny[].name", globForm, "payroll *", "", "Pattern of credential names."},
	{"migrator.deny[].project", globForm, "Payroll*", "", "Pattern of names or ids of Developer Console projects."},
	{"migrator.deny[].sandbox", globForm, "prod", "", "Pattern of sandbox names."},
	{"migrator.deny[].reason", anyText, "migrated by its vendor", required, "Why; it is shown to whoever asks for it."},
	{"migrator.managed", listForm, "", "",
		"Patterns of the names of projects that a product of Adobe's manages by itself, as Experience Manager does; they are" +
			" not touched. Adobe documents no mark of them."},
	{"migrator.managed[]", globForm, "AEM-*", "", "One pattern."},
	{"migrator.one_shot", groupForm, "", "",
		"Endpoint that migrates a Query Service credential with one request. Adobe publishes none: what stands" +
			" here is your word, and without it such credentials are migrated guided."},
	{"migrator.one_shot.url", orEmpty(callURL), "https://migration.example.com/accounts/{account}", "",
		"Address of the request; {organization} is the id of the IMS organization. The access token of the migrating" +
			" credential goes there."},
	{"migrator.one_shot.method", oneOf(http.MethodPost, http.MethodPut, http.MethodPatch), "", "",
		"Method of the request."},
	{"migrator.one_shot.body", orEmpty(callBody), `{"sandbox":"{sandbox}"}`, "", "Body of the request. Empty: none."},
	{"migrator.one_shot.success", groupForm, "", "",
		"Which answers mean that the request was accepted. Others leave open what became of it."},
	{"migrator.one_shot.success.statuses", listForm, "", "", "HTTP statuses."},
	{"migrator.one_shot.success.statuses[]", oneOfNumbers(200, 201, 202, 204), "", "", "One status."},
	{"migrator.one_shot.success.member", orEmpty(memberPath), "status", "",
		"Member of the answer that must have one of the values. Empty: the status is enough."},
	{"migrator.one_shot.success.values", listForm, "accepted", "", "Values of the member, exactly."},
	{"migrator.one_shot.success.values[]", anyText, "accepted", "", "One value."},
	{"migrator.one_shot.status", groupForm, "", "", "How what a request has done is read back."},
	{"migrator.one_shot.status.url", orEmpty(callURL), "https://migration.example.com/accounts/{account}", "",
		"Address to read from, at the same host as migrator.one_shot.url or adobe.platform_url. Empty: none; then the" +
			" Developer Console is asked, where it knows the credential."},
	{"migrator.one_shot.status.member", memberPath, "", "", "Member of the answer that has the word."},
	{"migrator.one_shot.status.eligible", listForm, "", "", "Words that mean not migrated, exactly."},
	{"migrator.one_shot.status.eligible[]", anyText, "", "", "One word."},
	{"migrator.one_shot.status.migrated", listForm, "", "",
		"Words that mean migrated, exactly. Any other word is unknown."},
	{"migrator.one_shot.status.migrated[]", anyText, "", "", "One word."},
	{"migrator.one_shot.status.account_member", orEmpty(memberPath), "technicalAccountId", "",
		"Member of the answer that must be the technical account asked for. Empty: it is not compared."},
}

// key describes the node for people.
func (n *node) key() Key {
	k := Key{
		Path:    strings.ReplaceAll(n.path, "[]", "[N]"),
		Env:     n.env(),
		Type:    n.typeName(),
		Help:    n.rule.help,
		Restart: needsRestart(n.path),
	}
	if n.kind == scalar && !n.inList() {
		k.Flag = "--" + n.flag()
	}
	if n.initial.IsValid() && !(n.inList() && n.initial.IsZero()) {
		k.Default = flow(n, n.initial)
	}
	return k
}

func (n *node) typeName() string {
	switch {
	case n.kind == list && n.elem.kind == scalar:
		return "a list; each: " + n.elem.rule.form.name
	case n.kind == list:
		return "a list of sections"
	default:
		return n.rule.form.name
	}
}

// flag is the name of the node's flag, without dashes in front.
func (n *node) flag() string { return strings.ReplaceAll(n.path, "_", "-") }

// env is the name of the node's environment variable, with <N> for the number of an element.
func (n *node) env() string {
	return envPrefix + strings.NewReplacer("[]", "_<N>", ".", "_", "-", "_").Replace(strings.ToUpper(n.path))
}
