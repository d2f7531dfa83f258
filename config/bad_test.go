package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

var update = flag.Bool("update", false, "write the expected messages and the generated documentation anew")

// canary marks every secret in the test data.
const canary = "CANARY"

// checkSchedule stands in for the cron parser, which is not this package's.
func checkSchedule(spec string, _ *time.Location) error {
	if strings.HasPrefix(spec, "99") {
		return errors.New("minute 99 is above 59")
	}
	return nil
}

// TestBadFiles compares every problem of every bad file, place and wording included, with the text beside it.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yml")
	if err != nil || len(files) < 35 {
		t.Fatalf("%d bad files, want at least 35 (error %v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			config, err := Loader{CheckSchedule: checkSchedule}.Parse("bad.yml", data)
			var problems Problems
			if config != nil || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("Parse = %v, %v; want Problems", config, err)
			}
			var got strings.Builder
			for _, p := range problems {
				got.WriteString(p.String() + "\n")
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "5e1f") {
				t.Errorf("a secret is in the error:\n%v", err)
			}
			golden(t, strings.TrimSuffix(file, ".yml")+".txt", got.String())
		})
	}
}

// golden compares a text with a file, or writes the file when asked to.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
