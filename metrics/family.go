package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Family is one metric of the contract that dashboards and rules rely on. Changing one is a breaking change.
type Family struct {
	// Name is the whole name, prefix included.
	Name string
	// Type is "gauge", "counter" or "histogram".
	Type string
	// Labels are the names of the labels, in the order in which docs/metrics.md lists them.
	Labels []string
	Help   string
}

// namespace is the prefix of every metric of ours.
const namespace = "jwtsunset"

// family is a Family with what the library needs to emit it.
type family struct {
	Family
	desc *prometheus.Desc
}

func newFamily(kind, name, help string, labels ...string) *family {
	f := Family{Name: namespace + "_" + name, Type: kind, Labels: labels, Help: help}
	return &family{Family: f, desc: prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)}
}

func gauge(name, help string, labels ...string) *family {
	return newFamily("gauge", name, help, labels...)
}

func counter(name, help string, labels ...string) *family {
	return newFamily("counter", name, help, labels...)
}

func (f *family) gauge() prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: f.Name, Help: f.Help})
}

func (f *family) gauges() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: f.Name, Help: f.Help}, f.Labels)
}

func (f *family) counter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)
}

func (f *family) histogram(buckets []float64) *prometheus.HistogramVec {
	opts := prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: buckets}
	return prometheus.NewHistogramVec(opts, f.Labels)
}

// Label names of the contract.
const (
	labelOrganization = "organization"
	labelCredential   = "credential_id"
)

// Deadlines.
var (
	deadlineTimestamp = gauge("deadline_timestamp_seconds",
		"Instant at which a configured deadline has passed, in Unix seconds.", "deadline")
	deadlineRemaining = gauge("deadline_remaining_seconds",
		"Time left to a configured deadline at the moment of the scrape; negative once it has passed.", "deadline")
)

// Counts.
var (
	credentials = gauge("credentials",
		"Credentials by kind, auth method and state. Absent until something of the organization was read.",
		labelOrganization, "kind", "auth_method", "state")
	sandboxCredentials = gauge("sandbox_credentials",
		"Credentials by sandbox and state. Absent until the sandbox was read to its end once.",
		labelOrganization, "sandbox", "state")
	seriesLimited = gauge("credential_series_limited",
		"Credentials that are counted but have no series of their own, because of the series limit.")
)

// One credential.
var (
	credentialInfo = gauge("credential_info",
		"Texts of a credential that may change, always 1: join it on organization and credential_id.",
		labelOrganization, labelCredential, "name", "kind", "auth_method", "state", "team", "deadline_reason", "contact")
	// credentialInfoOwner takes the place of credentialInfo where the operator wants persons in labels.
	credentialInfoOwner = gauge("credential_info", credentialInfo.Help,
		append(slices.Clone(credentialInfo.Labels), "owner")...)
	credentialDeadline = gauge("credential_deadline_timestamp_seconds",
		"Earliest deadline that applies to a credential, even when past, in Unix seconds. Absent when nothing is left to do.",
		labelOrganization, labelCredential)
	credentialRemaining = gauge("credential_remaining_seconds",
		"Time left to the credential's deadline at the moment of the scrape; negative once it has passed.",
		labelOrganization, labelCredential)
	credentialOpen = gauge("credential_open",
		"1 while somebody must still act on the credential, else 0.", labelOrganization, labelCredential)
	credentialCertificate = gauge("credential_certificate_not_after_timestamp_seconds",
		"Latest expiry of the certificates bound to a JWT credential, in Unix seconds. Absent where none is known.",
		labelOrganization, labelCredential)
)

// Scans.
var (
	scanLastStart = gauge("scan_last_start_timestamp_seconds",
		"Start of the latest scan, a running one included, in Unix seconds; 0 if there was none.", labelOrganization)
	scanLastCompletion = gauge("scan_last_completion_timestamp_seconds",
		"End of the latest scan, whatever its result, in Unix seconds; 0 if none ever ended.", labelOrganization)
	scanLastSuccess = gauge("scan_last_success_timestamp_seconds",
		"End of the latest complete scan, in Unix seconds; 0 if there was none.", labelOrganization)
	scanComplete = gauge("scan_complete",
		"1 if the latest scan read everything, 0 if it did not or there was none; counts are then a lower bound.",
		labelOrganization)
	scanDuration = gauge("scan_duration_seconds",
		"Duration of the latest scan that ended. Absent until one did.", labelOrganization)
	scanInterval = gauge("scan_interval_seconds",
		"Time between two scheduled scans. Absent without a schedule.", labelOrganization)
	scanInProgress = gauge("scan_in_progress",
		"1 while a scan of the organization runs, else 0.", labelOrganization)
	scanItems = gauge("scan_items",
		"List items of the latest scan by what became of them. Absent until one ended.", labelOrganization, "result")
	scanErrors = counter("scan_errors_total",
		"Things that scans could not see, by the kind of call and the reason.", labelOrganization, "stage", "reason")
	scansTotal = counter("scans_total",
		"Scans that ended: complete, partial, or failed when nothing at all could be read.", labelOrganization, "result")
	scansSkipped = counter("scans_skipped_total",
		"Scans not started because the one before was still running.", labelOrganization)
)

// Calls to Adobe, and the program itself.
var (
	apiRequests = counter("api_requests_total",
		"Requests sent to Adobe by operation and status code, retries included; none: no answer, other: no known code.",
		"operation", "code")
	apiDuration = newFamily("histogram", "api_request_duration_seconds",
		"Duration of requests to Adobe.", "operation")
	apiThrottled = counter("api_throttled_seconds_total",
		"Time spent waiting because Adobe answered 429.")
	jobPanics = counter("job_panics_total",
		"Scheduled jobs that ended in a panic, which is a defect.", "job")
	reloadSuccessful = gauge("config_last_reload_successful",
		"1 if the latest load of the configuration was taken over, 0 if the one before stays in force.")
	reloadTimestamp = gauge("config_last_reload_success_timestamp_seconds",
		"Instant of the latest load of the configuration that was taken over, in Unix seconds.")
	// buildInfo describes what the library's own collector emits.
	buildInfo = gauge("build_info",
		"A metric with a constant '1' value labeled by version, revision, branch, goversion from which "+namespace+
			" was built, and the goos and goarch for the build.",
		"branch", "goarch", "goos", "goversion", "revision", "tags", "version")
)

// stateFamilies are those that one snapshot decides and the collector emits.
func stateFamilies() []*family {
	return []*family{
		deadlineTimestamp, deadlineRemaining, credentials, sandboxCredentials, seriesLimited,
		credentialInfo, credentialDeadline, credentialRemaining, credentialOpen, credentialCertificate,
		scanLastStart, scanLastCompletion, scanLastSuccess, scanComplete, scanDuration, scanInterval, scanInProgress,
		scanItems,
	}
}

// eventFamilies are those that grow with what happens.
func eventFamilies() []*family {
	return []*family{
		scanErrors, scansTotal, scansSkipped, apiRequests, apiDuration, apiThrottled, jobPanics,
		migrationDuration, reloadSuccessful, reloadTimestamp, buildInfo,
	}
}

// Families lists the contract: every metric of ours, without those of the Go runtime, the process and the handler.
// With Options.OwnerLabel jwtsunset_credential_info has the label "owner" besides.
func Families() []Family {
	var all []Family
	for _, f := range slices.Concat(
		stateFamilies(), eventFamilies(), auditFamilies(), notificationFamilies(), reminderFamilies(), migrationFamilies(),
	) {
		f := f.Family
		f.Labels = slices.Clone(f.Labels)
		all = append(all, f)
	}
	return all
}
