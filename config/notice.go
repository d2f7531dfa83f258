package config

import (
	"fmt"
	"net"
	"slices"
)

// sources lists where the secrets in use are read from.
func (c *Config) sources() []Source {
	var all []Source
	for _, o := range c.Organizations {
		secret, _ := o.ClientSecret()
		token, _ := o.UserToken()
		all = append(all, secret, token)
	}
	token, _ := c.Slack.Token()
	key, _ := c.Webhook.Secret()
	all = append(all, c.storeSource(), token, key)
	if own, _ := c.Migrator.ClientSecret(); c.Migrator.Enabled {
		all = append(all, own)
	}
	return slices.DeleteFunc(all, Source.IsZero)
}

// idleSources lists the sources of secrets that have no effect, in this version or as configured.
func (c *Config) idleSources() []Source {
	idle := []Source{
		{File: c.Slack.AppTokenFile, Env: c.Slack.AppTokenEnv},
		{File: c.Slack.SigningSecretFile, Env: c.Slack.SigningSecretEnv},
	}
	if own, _ := c.Migrator.ClientSecret(); !c.Migrator.Enabled {
		idle = append(idle, own)
	}
	return idle
}

// Warnings lists what is allowed and yet likely wrong: secrets that cannot be read now or that everyone can read,
// listeners that others can reach, and what keeps people from being told or from approving. It looks at the secrets'
// files and variables each time it is called.
func (c *Config) Warnings() []string {
	var found []string
	if c.cutOff {
		found = append(found, "the last line of the configuration has no line end: is the file complete?")
	}
	for _, s := range c.sources() {
		if warning := s.warning(); warning != "" {
			found = append(found, warning)
		}
	}
	if open(c.Listen.Metrics) && c.Metrics.WebConfigFile == "" {
		found = append(found, "listen.metrics can be reached from other machines without TLS and sign-in:"+
			" set metrics.web_config_file, or see to it that only Prometheus reaches it")
	}
	if open(c.Listen.Web) {
		found = append(found, "listen.web can be reached from other machines without TLS:"+
			" put a proxy with TLS in front of it")
	}
	return slices.Concat(found, c.reminderWarnings(), c.migratorWarnings())
}

// open tells whether other machines can reach an address to listen on.
func open(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && !loopback(host)
}

// Unused lists the parts of the configuration that are set and have no effect in this version.
func (c *Config) Unused() []string {
	var found []string
	for _, path := range []string{
		"slack.app_token_file", "slack.app_token_env", "slack.signing_secret_file", "slack.signing_secret_env",
	} {
		if c.given[path] {
			found = append(found, fmt.Sprintf("%s: accepted, has no effect in this version", path))
		}
	}
	for i, door := range c.Approval.Via {
		if c.given["approval.via"] && !slices.Contains(workingDoors, door) {
			found = append(found, fmt.Sprintf("approval.via[%d], %s: accepted, has no effect in this version", i, door))
		}
	}
	return found
}
