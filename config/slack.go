package config

// Slack says how Slack is reached, and who there is told.
type Slack struct {
	// At most one of the two names where the bot token is; Token covers them.
	TokenFile string `key:"token_file"`
	TokenEnv  string `key:"token_env"`
	// The app-level token and the signing secret have no effect in this version.
	AppTokenFile      string `key:"app_token_file"`
	AppTokenEnv       string `key:"app_token_env"`
	SigningSecretFile string `key:"signing_secret_file"`
	SigningSecretEnv  string `key:"signing_secret_env"`
	// APIURL ends in /.
	APIURL string `key:"api_url"`
	// Channel is #name or an id; empty for none.
	Channel string `key:"channel"`
	// Domains are in lower case; empty for all.
	Domains []string `key:"domains"`
	Guests  bool     `key:"guests"`
}

// Token is where the bot token is; false when Slack is not used.
func (s Slack) Token() (Source, bool) {
	source := Source{File: s.TokenFile, Env: s.TokenEnv, Key: "slack.token_file"}
	return source, !source.IsZero()
}
