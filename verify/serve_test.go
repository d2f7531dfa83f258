//go:build verify

package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// configure writes a configuration for one organization at a pretend Adobe, with the metrics at an address and further
// lines as given. The store lies in the same folder.
func configure(t *testing.T, dir, adobe, metrics string, more ...string) string {
	t.Helper()
	secret := write(t, filepath.Join(dir, "client-secret"), "demo-secret\n")
	return write(t, filepath.Join(dir, "jwtsunset.yml"), fmt.Sprintf(`organizations:
  - name: acme
    ims_org: 1A2B3C4D5E6F7A8B0A495C12@AdobeOrg
    client_id: demo-client
    client_secret_file: %[1]s
adobe:
  ims_url: %[2]s
  platform_url: %[2]s
  console_url: %[2]s
  requests_per_second: 0
schedule:
  scan: "* * * * *"
store: sqlite:%[3]s
listen:
  metrics: %[4]s
%[5]s
`, secret, adobe, filepath.Join(dir, "jwtsunset.db"), metrics, strings.Join(more, "\n")))
}

// serve runs the daemon until it says of itself that it is ready.
func serve(t *testing.T, config, metrics string) *process {
	t.Helper()
	p := start(t, program(t, "serve", "-c", config))
	eventually(t, "serve becoming ready", func(ctx context.Context) error {
		if text, _ := p.output.read(); p.ended() {
			return fmt.Errorf("it ended: %s", text)
		}
		_, err := get(ctx, "http://"+metrics+"/-/ready")
		return err
	})
	return p
}

// inventory is what `scan -o json` and `list -o json` print, as far as these tests use it.
type inventory struct {
	Complete    bool `json:"complete"`
	Credentials []struct {
		ID             string  `json:"id"`
		Kind           string  `json:"kind"`
		AuthMethod     string  `json:"auth_method"`
		Affected       bool    `json:"affected"`
		Presence       string  `json:"presence"`
		Deadline       string  `json:"deadline"`
		DeadlineReason string  `json:"deadline_reason"`
		SecondsLeft    float64 `json:"seconds_left"`
	} `json:"credentials"`
}

// list reads the store with the command that does.
func list(t *testing.T, config string) inventory {
	t.Helper()
	var held inventory
	out := runProgram(t, []int{0, 3, 4}, "list", "-c", config, "-o", "json")
	if err := json.Unmarshal(out, &held); err != nil {
		t.Fatalf("reading what list printed: %v\n%.500s", err, out)
	}
	return held
}
