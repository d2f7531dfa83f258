package adobe

import "jwtsunset/credential"

// Hint says what a person can do next; it is empty where nothing but waiting helps.
func (e *Error) Hint() string {
	if e.reason == credential.ReasonForbidden {
		return forbiddenHint(e)
	}
	return hints[e.reason]
}

var hints = map[credential.Reason]string{
	credential.ReasonToken: "check the client id, its secret and the scopes against the credential's page in the " +
		"Developer Console, and that the identity service's address is right",
	credential.ReasonUnauthorized: "Adobe refuses a fresh token: check that the client id is the one that the token was " +
		"made for, and that the credential is not disabled; a user token has to be replaced when it expires",
	credential.ReasonAdminVerification: "we may not look, which says nothing about what is there: if the rights of this " +
		"credential have not changed it never had them, so grant it Manage Query Service Integration and the sandbox in " +
		"Experience Platform's permissions; else ask the organization's administrator",
	credential.ReasonNotFound: "check the configured address; what was asked for may also have been deleted meanwhile",
	credential.ReasonBadRequest: "check the organization id and the configured address; if they are right, Adobe has " +
		"changed its API",
	credential.ReasonThrottled: "lower requests_per_second or concurrency, or scan less often",
	credential.ReasonServer: "Adobe's service has a problem: the next scan tries again; with the request id Adobe's " +
		"support can tell more",
	credential.ReasonRedirect: "redirects are never followed, since the token would go along: configure the address " +
		"that answers itself",
	credential.ReasonTimeout:     "raise the time limit of a request if Adobe is slow, else check the network",
	credential.ReasonScanTimeout: "raise the time limit of the scan, or requests_per_second and concurrency",
	credential.ReasonTLS: "the certificate or protocol was refused: check the address, the clock, and the trusted " +
		"certificates if a proxy inspects TLS",
	credential.ReasonNetwork: "check the network, the proxy settings and that the configured address can be reached",
	credential.ReasonMalformed: "the answer is not what Adobe documents: if it stays so, Adobe has changed its API and " +
		"this program needs an update",
	credential.ReasonTooLarge: "the answer is beyond the size limit: check the configured address",
	credential.ReasonCursor:   "Adobe's pages do not come to an end that can be trusted: the next scan tries again",
	credential.ReasonMismatch: "Adobe's answers contradict each other, perhaps because something changed while they " +
		"were read: the next scan tries again",
	credential.ReasonNotVisible: "check the organization id, and have the credential (or the user whose token is used) " +
		"given Developer or System Admin rights in that organization's Admin Console",
}

// The codes of the gateway in front of Experience Platform that tell which permission or header is wrong.
var gatewayHints = map[string]string{
	"403000": "the client id is not known to Adobe's gateway: check it",
	"403003": "the client id is not known to Adobe's gateway: check it, and add the API to the " +
		"credential's project",
	"403010": "Adobe's gateway saw no token: check for a proxy that removes headers",
	"403025": "the token has no entitlement in this organization: check the IMS organization id and add a " +
		"product profile to the credential",
	"403027": "check the IMS organization id, and add the product profile AEP-Default-All-Users to the credential",
}

func forbiddenHint(e *Error) string {
	if hint, ok := gatewayHints[e.Code]; ok {
		return hint
	}
	switch e.Stage {
	case credential.StageSandboxes:
		return "add the credential to a role with access to the sandboxes; to list all of them the role " +
			"needs Sandbox Administration"
	case credential.StageAccounts, StageOneShot, StageOneShotStatus:
		return "add the credential to a role with this sandbox and the permission Manage Query Service Integration"
	default:
		return "add the I/O Management API to the credential's project, or use the token of a user with " +
			"Developer or System Admin rights on all product profiles of the project"
	}
}
