//go:build verify

package verify

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSystemdUnit holds what the service promises: a user of its own, a system it cannot write to, no rights, no core
// dumps, and time to stop.
func TestSystemdUnit(t *testing.T) {
	content, err := os.ReadFile("../deploy/systemd/jwtsunset.service")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	for _, want := range []string{
		"Type=notify", "ExecStart=/usr/local/bin/jwtsunset serve -c /etc/jwtsunset/jwtsunset.yml",
		"ExecReload=/bin/kill -HUP $MAINPID", "TimeoutStopSec=180", "DynamicUser=yes", "StateDirectory=jwtsunset",
		"StateDirectoryMode=0700", "UMask=0077", "LimitCORE=0", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
		"ProtectSystem=strict", "ProtectHome=yes", "PrivateDevices=yes", "PrivateTmp=yes", "MemoryDenyWriteExecute=yes",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "RestrictNamespaces=yes", "LockPersonality=yes",
		"SystemCallFilter=@system-service", "SystemCallArchitectures=native",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
}
