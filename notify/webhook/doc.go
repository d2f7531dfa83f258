// Package webhook sends messages as CloudEvents 1.0 to one address of the operator's, signed by the scheme of Standard
// Webhooks, so that whatever an organization already has can reach owners who are not on Slack. docs/webhook.md is for
// those who write the receiving side.
package webhook
