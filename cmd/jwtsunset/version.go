package main

import (
	"fmt"
	"runtime/debug"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "jwtsunset %s (revision %s, %s, %s/%s)\n",
				programVersion(), orUnknown(version.GetRevision()), version.GoVersion, version.GoOS, version.GoArch)
			return err
		},
	}
}

// programVersion is what the build set, else what the Go tool knows of the module.
func programVersion() string {
	if version.Version != "" {
		return version.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
