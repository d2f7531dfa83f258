package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"

	"jwtsunset/report"
)

func (a *app) versionCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := build{
				programVersion(), orUnknown(version.GetRevision()), version.GoVersion, version.GoOS + "/" + version.GoArch,
			}
			switch format {
			case report.FormatJSON:
				return json.NewEncoder(a.stdout).Encode(v)
			case "text":
				_, err := fmt.Fprintf(a.stdout, "jwtsunset %s (revision %s, %s, %s)\n", v.Version, v.Revision, v.Go, v.Platform)
				return err
			default:
				return hinted{fmt.Errorf("unknown output format %q", format), "use one of text, json"}
			}
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return cmd
}

// build is what the program knows of how it was built.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
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
