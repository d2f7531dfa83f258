package config

import "go.yaml.in/yaml/v4"

// Webhook is an address that gets reminders as signed CloudEvents.
type Webhook struct {
	// URL is empty for none.
	URL string `key:"url"`
	// Exactly one of the two is set when URL is; Secret covers them.
	SecretFile string `key:"secret_file"`
	SecretEnv  string `key:"secret_env"`
	// Source is the source attribute of the events.
	Source string `key:"source"`
}

// Secret is where the key is that signs the requests; false when there is no webhook.
func (w Webhook) Secret() (Source, bool) {
	source := Source{File: w.SecretFile, Env: w.SecretEnv, Key: "webhook.secret_file"}
	return source, !source.IsZero()
}

// checkWebhook sees that the webhook has one key. One that is set to the empty text is not set.
func (l *loading) checkWebhook(c *Config) {
	file, variable := l.filled("webhook.secret_file"), l.filled("webhook.secret_env")
	switch {
	case file && variable:
		l.fail("webhook.secret_env", "cannot be set together with secret_file", "keep one of them")
	case c.Webhook.URL != "" && !file && !variable && !l.meant["webhook.secret_file"] && !l.meant["webhook.secret_env"]:
		l.fail("webhook", "needs exactly one of secret_file or secret_env",
			"whoever gets the reminders must be able to tell that they are ours")
	case (file || variable) && !l.filled("webhook.url") && !l.meant["webhook.url"]:
		l.fail("webhook.url", "is missing", "without it the secret has no effect")
	}
}

// filled tells whether something stands at a path that is more than an empty text.
func (l *loading) filled(path string) bool {
	y := l.at[path]
	return y != nil && (y.Kind != yaml.ScalarNode || y.Value != "")
}
