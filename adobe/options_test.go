package adobe

import (
	"strings"
	"testing"

	"jwtsunset/secret"
)

func testSecret(s string) secret.String { return secret.New(s) }

func TestOptionsAreChecked(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		want   string // "" for good ones
	}{
		"good":          {func(*Options) {}, ""},
		"path in front": {func(o *Options) { o.PlatformURL = "https://gateway.example/adobe/" }, ""},
		"no console":    {func(o *Options) { o.ConsoleURL = "" }, ""},
		"loopback":      {func(o *Options) { o.PlatformURL = "http://127.0.0.1:8080" }, ""},
		"loopback name": {func(o *Options) { o.PlatformURL = "http://LocalHost:8080" }, ""},
		"loopback IPv6": {func(o *Options) { o.PlatformURL = "http://[::1]:8080" }, ""},
		"user token": {
			func(o *Options) { o.UserToken, o.ClientSecret, o.IMSURL = o.ClientSecret, nil, "" }, "",
		},
		"plain http": {
			func(o *Options) { o.PlatformURL = "http://platform.adobe.io" },
			"must be https: http is allowed on loopback",
		},
		"looks like loopback": {
			func(o *Options) { o.PlatformURL = "http://127.0.0.1.evil.example" }, "must be https",
		},
		"looks like localhost": {
			func(o *Options) { o.PlatformURL = "http://localhost.evil.example" }, "must be https",
		},
		"other scheme": {
			func(o *Options) { o.ConsoleURL = "ftp://developers.adobe.io" },
			"Developer Console address: must be https",
		},
		"no scheme": {func(o *Options) { o.PlatformURL = "platform.adobe.io" }, "not an address"},
		"no host":   {func(o *Options) { o.PlatformURL = "https://:443" }, "not an address"},
		"garbage":   {func(o *Options) { o.PlatformURL = "https://\x7f" }, "not an address"},
		"password": {
			func(o *Options) { o.IMSURL = "https://me:" + canarySecret + "@ims.example" },
			"user name or password",
		},
		"query": {
			func(o *Options) { o.IMSURL = "https://ims.example?client_secret=" + canarySecret },
			"query or fragment",
		},
		"fragment":              {func(o *Options) { o.IMSURL = "https://ims.example#x" }, "query or fragment"},
		"IMS missing":           {func(o *Options) { o.IMSURL = "" }, "IMS address"},
		"platform missing":      {func(o *Options) { o.PlatformURL = "" }, "Experience Platform address"},
		"no secret":             {func(o *Options) { o.ClientSecret = nil }, "exactly one"},
		"two secrets":           {func(o *Options) { o.UserToken = o.ClientSecret }, "exactly one"},
		"no client":             {func(o *Options) { o.ClientID = "" }, "client id"},
		"client with newline":   {func(o *Options) { o.ClientID = "a\r\nX: y" }, "client id"},
		"key with newline":      {func(o *Options) { o.ConsoleAPIKey = "a\nb" }, "console api key"},
		"no organization":       {func(o *Options) { o.IMSOrg = "" }, "IMS organization"},
		"organization in part":  {func(o *Options) { o.IMSOrg = "a b" }, "IMS organization"},
		"negative concurrency":  {func(o *Options) { o.Concurrency = -1 }, "concurrency"},
		"negative retries":      {func(o *Options) { o.Retries = -1 }, "retries"},
		"negative rate":         {func(o *Options) { o.RequestsPerSecond = -1 }, "requests per second"},
		"negative time":         {func(o *Options) { o.RequestTimeout = -1 }, "time limit"},
		"negative body":         {func(o *Options) { o.MaxBody = -1 }, "largest body"},
		"negative account page": {func(o *Options) { o.AccountsLimit = -1 }, "accounts limit"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t, "https://adobe.example")
			test.change(&o)
			c, err := New(o)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"acme"`) {
				t.Fatalf("error is %v, want one with %q", err, test.want)
			}
			noCanary(t, "the error", err.Error())
		})
	}
}

func TestOptionsReportEveryProblem(t *testing.T) {
	_, err := New(Options{ConsoleURL: "http://x.example"})
	if err == nil {
		t.Fatal("empty options were taken")
	}
	if n := len(strings.Split(err.Error(), "\n")); n != 5 {
		t.Errorf("%d problems reported, want 5: %v", n, err)
	}
}
