// Command jwtsunset finds every non-expiring JWT credential of an Adobe organization and counts down to the dates by
// which each must be on OAuth Server-to-Server.
//
// Files in this folder hold the wiring: one for each command, app.go for what they share, and daemon.go for what runs
// under serve and demo.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
	_ "time/tzdata" // time zones in any image
)

// gcPercent trades processor time, of which a scan has plenty while it waits for Adobe, for memory.
const gcPercent = 25

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	a := &app{
		stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), clock: time.Now,
	}
	os.Exit(a.run(context.Background(), os.Args[1:]))
}
