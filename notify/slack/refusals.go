package slack

import (
	"maps"
	"slices"
	"strings"
	"time"

	"jwtsunset/notify"
)

// Reasons of failures for which Slack has no word.
const (
	ReasonRateLimited     = "ratelimited" // Slack's word, and ours for its status 429
	ReasonMissingScope    = "missing_scope"
	ReasonTimeout         = "timeout"
	ReasonCanceled        = "canceled"
	ReasonNetwork         = "network"
	ReasonTLS             = "tls"
	ReasonRedirect        = "redirect"
	ReasonClientError     = "http_4xx"
	ReasonServerError     = "http_5xx"
	ReasonMalformed       = "malformed_answer"
	ReasonTooLarge        = "answer_too_large"
	ReasonBadToken        = "not_a_bot_token" //nolint:gosec // the name of a reason
	ReasonTokenUnreadable = "token_unreadable"
	ReasonWrongWorkspace  = "wrong_workspace"
	ReasonBadRecipient    = "bad_recipient"
	ReasonAmbiguousName   = "ambiguous_channel_name"
	ReasonTemplate        = "template"
	ReasonInternal        = "internal"
	ReasonOther           = "other" // a word of Slack's that is not in the table
)

// Reasons lists every Reason that a failure of this package can have, sorted.
func Reasons() []string {
	all := []string{
		ReasonTimeout, ReasonCanceled, ReasonNetwork, ReasonTLS, ReasonRedirect, ReasonClientError, ReasonServerError,
		ReasonMalformed, ReasonTooLarge, ReasonBadToken, ReasonTokenUnreadable, ReasonWrongWorkspace,
		ReasonBadRecipient, ReasonAmbiguousName, ReasonTemplate, ReasonInternal, ReasonOther,
	}
	for word := range refusals {
		if word != "rate_limited" { // reported as ratelimited
			all = append(all, word)
		}
	}
	slices.Sort(all)
	return all
}

// What an operator does.
const (
	hintToken = "put the bot token of the app (it begins with xoxb-) into the file or variable that the configuration " +
		"names, and run: jwtsunset slack check"
	hintReinstall = "reinstall the app into the workspace and put its new bot token into place; then run: " +
		"jwtsunset slack check"
	hintAdmin        = "ask an administrator of the workspace: its settings keep the app out"
	hintGrant        = "ask an administrator of the organization to give the app access to this workspace"
	hintAddress      = "something between here and Slack answered: check slack.api_url, the proxy and the firewall"
	hintCertificates = "check the system's certificates, and whether a proxy breaks TLS open"
	hintInvite       = "invite the app to the channel: /invite @jwtsunset; and run: jwtsunset slack check"
	hintChannel      = "check the channel in the configuration: its id is at the end of \"Copy link\"; the app sees " +
		"private channels only after it was invited; then run: jwtsunset slack check"
	hintArchived = "the channel is archived: restore it or configure another one"
	hintPosting  = "the channel's settings keep the app from posting: change who can post, or configure another channel"
	hintTab      = "switch on the Messages Tab of the app: api.slack.com/apps, App Home, Show Tabs"
	hintUpgrade  = "the method is no longer offered: upgrade jwtsunset"
	hintReport   = "Slack refuses the form of the message: check the operator's templates with remind --preview; if there " +
		"are none, report it as a bug"
	hintTeam = "the app is installed for a whole organization: configure the workspace, and channels by id"
)

// refusal is what a word of Slack's means.
type refusal struct {
	class notify.Class
	hint  string
	wait  time.Duration
}

// refusals has the words that Slack's reference lists for the methods that are used.
var refusals = merge(
	// Nothing works until somebody acts.
	words(notify.Operator, hintToken, "not_authed", "not_allowed_token_type"),
	words(notify.Operator, hintReinstall, "invalid_auth", "account_inactive", "token_revoked", "token_expired"),
	words(notify.Operator, hintAdmin, "access_denied", "accesslimited", "ekm_access_denied", "enterprise_is_restricted",
		"two_factor_setup_required"),
	words(notify.Operator, hintGrant, "team_access_not_granted"),
	words(notify.Operator, hintTeam, "missing_argument", "team_not_found"),
	words(notify.Operator, hintTab, "messages_tab_disabled"),
	words(notify.Operator, hintUpgrade, "method_deprecated", "deprecated_endpoint", "unknown_method"),
	words(notify.Operator, "", ReasonMissingScope), // its hint names the scope

	// This recipient cannot be told this way.
	words(notify.Permanent, hintInvite, "not_in_channel", "no_permission"),
	words(notify.Permanent, hintChannel, "channel_not_found", "channel_type_not_supported",
		"method_not_supported_for_channel_type"),
	words(notify.Permanent, hintArchived, "is_archived", "is_inactive"),
	words(notify.Permanent, hintPosting, "restricted_action", "restricted_action_read_only_channel",
		"restricted_action_thread_only_channel", "restricted_action_non_threadable_channel",
		"restricted_action_thread_locked", "slack_connect_canvas_sharing_blocked",
		"slack_connect_file_link_sharing_blocked", "slack_connect_lists_sharing_blocked"),
	words(notify.Permanent, "", "user_not_found", "users_not_found", "user_not_visible", "user_disabled",
		"cannot_dm_bot", "invalid_user_combination"),
	// The message, or its thread, is not there to be changed or answered any more.
	words(notify.Permanent, "", "message_not_found", "thread_not_found", "cannot_reply_to_message",
		"cant_update_message", "edit_window_closed", "message_not_owned_by_app", "streaming_state_conflict"),

	// This message is refused, whoever it is for.
	words(notify.Invalid, hintReport, "invalid_blocks", "invalid_blocks_format", "block_mismatch", "msg_too_long",
		"msg_blocks_too_long",
		"no_text", "too_many_attachments", "invalid_attachments", "too_many_contact_cards", "markdown_text_conflict",
		"metadata_too_large", "invalid_metadata_format", "invalid_metadata_schema", "metadata_must_be_sent_from_app",
		"as_user_not_supported", "cant_broadcast_message", "no_dual_broadcast_content_update", "invalid_arguments",
		"invalid_arg_name", "invalid_array_arg", "invalid_charset", "invalid_form_data", "invalid_post_type",
		"missing_post_type", "invalid_cursor", "invalid_limit", "invalid_types", "invalid_ts_latest",
		"invalid_ts_oldest", "pagination_not_available", "users_list_not_supplied", "not_enough_users",
		"too_many_users", "duplicate_channel_not_found", "duplicate_message_not_found"),

	// Refused for now.
	words(notify.Later, "", ReasonRateLimited, "rate_limited", "update_failed"),
	after(10*time.Minute, words(notify.Later, "", "team_added_to_org", "org_login_required",
		"external_channel_migrating")),
	after(time.Hour, words(notify.Later, "the workspace's plan limits its messages: see Slack's usage limits",
		"message_limit_exceeded")),

	// Slack says, or does not rule out, that part of it was done.
	words(notify.Unclear, "", "fatal_error", "internal_error", "service_unavailable", "request_timeout",
		"messaging_processing_failed"),
)

func words(class notify.Class, hint string, all ...string) map[string]refusal {
	m := make(map[string]refusal, len(all))
	for _, word := range all {
		m[word] = refusal{class: class, hint: hint}
	}
	return m
}

func after(wait time.Duration, all map[string]refusal) map[string]refusal {
	for word, r := range all {
		r.wait = wait
		all[word] = r
	}
	return all
}

func merge(all ...map[string]refusal) map[string]refusal {
	merged := map[string]refusal{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

// scopeHint names the scope that a method lacks: the one that Slack names, else those that it can need.
func scopeHint(method, needed string) string {
	if !scopeForm.MatchString(needed) {
		needed = strings.Join(methodScopes[method], " or ")
	}
	return "add the scope " + needed + " to the app (OAuth & Permissions, Bot Token Scopes), reinstall the app, and put " +
		"its bot token into place"
}
