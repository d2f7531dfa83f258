package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Switch is one point on which Adobe's documentation is silent or contradicts itself.
type Switch struct {
	Name string
	// Values are what it can be set to; the first is the default.
	Values []string
	// Help says which undocumented point the switch decides.
	Help string
}

// Default is the value that a switch has when it is not set.
func (s Switch) Default() string { return s.Values[0] }

const (
	swAccountsScope      = "accounts-scope"
	swCursor             = "cursor"
	swLastPage           = "last-page"
	swNextForm           = "next-form"
	swLinkHost           = "link-host"
	swLimit              = "limit"
	swAscending          = "ascending"
	swInactive           = "inactive-accounts"
	swDefaultFilter      = "default-filter"
	swAccountsCount      = "accounts-count"
	swSecretField        = "credential-field"
	swUnknownSandbox     = "unknown-sandbox"
	swAdminVerification  = "admin-verification"
	swServiceErrors      = "service-errors"
	swSandboxAdmin       = "sandbox-administration"
	swSandboxCount       = "sandbox-count"
	swSandboxNext        = "sandbox-next"
	swSandboxDates       = "sandbox-dates"
	swSandboxLimitMax    = "sandbox-limit-max"
	swETag               = "etag"
	swConsoleErrors      = "console-errors"
	swTechnicalAccount   = "technical-account"
	swIDs                = "ids"
	swBooleans           = "booleans"
	swConsoleDates       = "console-dates"
	swNulls              = "nulls"
	swCredentialType     = "credential-type-field"
	swAPIKeyField        = "api-key-field"
	swMigrateFilter      = "migrate-filter"
	swIncludeCredentials = "include-credentials"
	swPaginationHeaders  = "pagination-headers"
	swHiddenProject      = "hidden-project"
	swLookup             = "workspace-lookup"
	swConvertedStatus    = "converted-status"
	swFinalizeChecks     = "finalize-checks"
	swFinalizeBody       = "finalize-body"
	swJWTGrantType       = "jwt-grant-type"
	swSecretStatus       = "secret-status"
	swSecretScope        = "secret-scope"
)

var switchTable = []Switch{
	{swAccountsScope, []string{"sandbox", "organization"}, "whether x-sandbox-name narrows the list of accounts"},
	{swCursor, []string{"exclusive", "inclusive"}, "whether a page starts after the account that start names, or with it"},
	{swLastPage, []string{"next", "empty", "null"},
		"what the last page says: a next link still, no links at all, or null"},
	{swNextForm, []string{"object", "string"}, "whether _links.next is {href} or a plain string, as in sibling lists"},
	{swLinkHost, []string{"request", "adobe"}, "the host in next links: the one that was called, or platform.adobe.io"},
	{swLimit, []string{"honoured", "ignored"}, "whether accounts take the limit of sibling lists (at most 1000)"},
	{swAscending, []string{"supported", "ignored"}, "whether accounts can be read oldest first with orderby=+created"},
	{swInactive, []string{"none", "present"}, "whether the organization has accounts that are not active"},
	{swDefaultFilter, []string{"active", "all"}, "whether only active accounts are listed when no property is given"},
	{swAccountsCount, []string{"page", "one", "total"}, "what _page.count of accounts counts"},
	{swSecretField, []string{"absent", "present"},
		"a hostile extra: accounts carry a credential field, which Adobe never lists"},
	{swUnknownSandbox, []string{"403", "404"}, "the status for a sandbox that is unknown or not active"},
	{swAdminVerification, []string{"403", "200-text", "200-json"},
		"the form of \"AEP admin verification failed\", which Adobe shows in its page only"},
	{swServiceErrors, []string{"problem", "chain", "errors", "query", "message", "text"},
		"which of the error bodies seen at Adobe the platform's services use"},
	{swSandboxAdmin, []string{"granted", "missing"},
		"whether the caller has Sandbox Administration, without which GET /sandboxes is refused and GET / is not"},
	{swSandboxCount, []string{"one", "page", "total"}, "what _page.count of sandboxes says; Adobe's samples disagree"},
	{swSandboxNext, []string{"when-more", "always", "never"}, "when _links.next of sandboxes is there"},
	{swSandboxDates, []string{"space", "rfc3339", "mixed"}, "the form of sandbox dates: samples and specification differ"},
	{swSandboxLimitMax, []string{"100", "50", "1000"}, "the largest limit that the list of sandboxes takes"},
	{swETag, []string{"eTag", "etag"}, "the name of the field: documentation and specification differ"},
	{swConsoleErrors, []string{"full", "bare", "id"}, "the error body of the Developer Console"},
	{swTechnicalAccount, []string{"allowed", "organizations-only", "none"},
		"what a technical account may read of the Developer Console"},
	{swIDs, []string{"string", "number"}, "the type of credential and integration ids: specification and fixtures differ"},
	{swBooleans, []string{"boolean", "number"}, "enabled and deleted: true and false, or 1 and 0 as in Adobe's fixtures"},
	{swConsoleDates, []string{"date", "timestamp", "milliseconds"},
		"the form of the Developer Console's dates: specification and fixtures differ"},
	{swNulls, []string{"empty", "null"}, "whether what has no value is empty, or null as in Adobe's fixtures"},
	{swCredentialType, []string{"both", "credential_type", "integration_type"},
		"the field with a credential's type: specification and clients differ"},
	{swAPIKeyField, []string{"apikey", "apiKey"}, "the field with an integration's client id"},
	{swMigrateFilter, []string{"both", "service", "oauth", "neither"},
		"which values of credentialType find a credential in mid-migration"},
	{swIncludeCredentials, []string{"metadata", "workspaces", "ignored"},
		"where includeCredentials=true puts the credentials of a project"},
	{swPaginationHeaders, []string{"always", "paged", "never"}, "when the list of projects has X-Pagination headers"},
	{swHiddenProject, []string{"none", "present"},
		"whether there is an integration whose project the list of projects does not show"},
	{swLookup, []string{"array", "object"}, "the answer of a credential's look-up: specification and client tests differ"},
	{swConvertedStatus, []string{"COMPLETED", "NONE"}, "migration status of credentials that Adobe converted by itself"},
	{swFinalizeChecks, []string{"none", "enforced"},
		"whether finalize itself insists on the two safety checks that Adobe's page shows"},
	{swFinalizeBody, []string{"empty", "status", "credential"}, "the body of a successful finalize"},
	{swJWTGrantType, []string{"urn:ietf:params:oauth:grant-type:jwt-bearer", "jwt_token", "absent"},
		"how secret_usages names a JWT exchange, if at all"},
	{swSecretStatus, []string{"spec", "docs"}, "adding and deleting a secret: 200 and 200, or 201 and 204"},
	{swSecretScope, []string{"required", "ignored"}, "whether reading secrets needs the scopes of the I/O Management API"},
}

// SwitchHelp lists every switch.
func SwitchHelp() []Switch { return slices.Clone(switchTable) }

// completeSwitches checks chosen values and adds the defaults of the others.
func completeSwitches(chosen map[string]string) (map[string]string, error) {
	all := make(map[string]string, len(switchTable))
	for _, sw := range switchTable {
		all[sw.Name] = sw.Default()
	}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		i := slices.IndexFunc(switchTable, func(sw Switch) bool { return sw.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("simulator: unknown switch %q", name)
		}
		if !slices.Contains(switchTable[i].Values, chosen[name]) {
			return nil, fmt.Errorf("simulator: switch %s cannot be %q: choose one of %s",
				name, chosen[name], strings.Join(switchTable[i].Values, ", "))
		}
		all[name] = chosen[name]
	}
	return all, nil
}

func (s *Simulator) sw(name string) string { return s.switches[name] }
