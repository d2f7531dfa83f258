package credential

import "errors"

// Reason is why something could not be read. The values are part of the metric contract.
type Reason string

// Every reason, as written in scan_errors_total{reason}, in scan records and in the "unseen" list.
const (
	ReasonToken             Reason = "token"              // no access token could be had
	ReasonUnauthorized      Reason = "unauthorized"       // 401 with a fresh token
	ReasonForbidden         Reason = "forbidden"          // 403: a permission is missing
	ReasonAdminVerification Reason = "admin_verification" // "AEP admin verification failed": we may not look
	ReasonNotFound          Reason = "not_found"          // 404
	ReasonBadRequest        Reason = "bad_request"        // any other 4xx
	ReasonThrottled         Reason = "throttled"          // 429 after all retries
	ReasonServer            Reason = "server"             // 5xx after all retries
	ReasonRedirect          Reason = "redirect"           // 3xx, which is never followed
	ReasonTimeout           Reason = "timeout"            // one request took too long
	ReasonScanTimeout       Reason = "scan_timeout"       // the whole scan took too long
	ReasonCanceled          Reason = "canceled"           // we were told to stop
	ReasonTLS               Reason = "tls"                // certificate or handshake refused
	ReasonNetwork           Reason = "network"            // connection refused, cut, or no such host
	ReasonMalformed         Reason = "malformed"          // an answer that is not what Adobe documents
	ReasonTooLarge          Reason = "too_large"          // an answer over the size limit
	ReasonCursor            Reason = "cursor"             // pages that loop or do not come to an end
	ReasonAmbiguous         Reason = "ambiguous"          // two orders of reading disagree
	ReasonNotVisible        Reason = "not_visible"        // Adobe does not let us list everything
	ReasonMismatch          Reason = "mismatch"           // two lists of Adobe's contradict each other
	ReasonInternal          Reason = "internal"           // a defect of ours
)

// Reasons lists every reason, so that counters can start at zero.
func Reasons() []Reason {
	return []Reason{
		ReasonToken, ReasonUnauthorized, ReasonForbidden, ReasonAdminVerification, ReasonNotFound, ReasonBadRequest,
		ReasonThrottled, ReasonServer, ReasonRedirect, ReasonTimeout, ReasonScanTimeout, ReasonCanceled, ReasonTLS,
		ReasonNetwork, ReasonMalformed, ReasonTooLarge, ReasonCursor, ReasonAmbiguous, ReasonNotVisible, ReasonMismatch,
		ReasonInternal,
	}
}

// ReasonOf finds the reason that an error carries. Clients of Adobe's APIs return errors with a Reason method; an
// error without one is a defect and says so.
func ReasonOf(err error) Reason {
	var r interface{ Reason() Reason }
	if errors.As(err, &r) {
		return r.Reason()
	}
	return ReasonInternal
}

// Stage is the kind of call at which a scan could not see something: the "operation" of API metrics and the "stage" of
// scan errors.
type Stage string

// Every stage, in the order in which a scan goes through them.
const (
	StageToken         Stage = "token"
	StageSandboxes     Stage = "sandboxes"
	StageAccounts      Stage = "accounts"
	StageOrganizations Stage = "organizations"
	StageProjects      Stage = "projects"
	StageWorkspaces    Stage = "workspaces"
	StageCredentials   Stage = "workspace_credentials"
	StageIntegrations  Stage = "integrations"
	StageIntegration   Stage = "integration"
	StageCertificates  Stage = "certificates"
	StageStatus        Stage = "migration_status"
)

// Stages lists every stage.
func Stages() []Stage {
	return []Stage{
		StageToken, StageSandboxes, StageAccounts, StageOrganizations, StageProjects, StageWorkspaces,
		StageCredentials, StageIntegrations, StageIntegration, StageCertificates, StageStatus,
	}
}
