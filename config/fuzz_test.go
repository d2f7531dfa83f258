package config

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse sees that no text makes the parser panic, that what is accepted is stable, and that a secret which stands
// where a value stands is never repeated.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "[x]")
	}
	f.Add(string(Example()), "{a: b}")
	f.Fuzz(func(t *testing.T, file, text string) {
		l := Loader{Environ: []string{"JWTSUNSET_SCAN_EXCLUDE=" + text, "JWTSUNSET_ADOBE_CONCURRENCY=" + text}}
		c, err := l.Parse("fuzz.yml", []byte(file))
		again, errAgain := l.Parse("fuzz.yml", []byte(file))
		if (c == nil) != (err != nil) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("Parse gives %v and %v, then %v", c, err, errAgain)
		}
		if c != nil && c.Digest() != again.Digest() {
			t.Fatal("the digest is not stable")
		}
		if _, err := (Loader{}).Parse("fuzz.yml", []byte(strings.ReplaceAll(file, "acme", canarySecret))); err != nil {
			mustNotLeak(t, err)
		}
	})
}

// canarySecret looks as secrets do: letters of both cases, digits and dashes.
const canarySecret = "p8e-CANARYz9Yx8Wv7"

func mustNotLeak(t *testing.T, err error) {
	t.Helper()
	for _, form := range []string{canarySecret, base64.StdEncoding.EncodeToString([]byte(canarySecret))} {
		if strings.Contains(err.Error(), form) {
			t.Fatalf("a secret is in the error: %v", err)
		}
	}
}

// TestNoValueIsRepeated puts a secret in the place of every key and value, in the file, the environment and flags.
func TestNoValueIsRepeated(t *testing.T) {
	_, all, _ := strings.Cut(string(Example()), "config check\n")
	lines := strings.Split(all, "\n")
	refused := 0
	try := func(l Loader, file string) {
		t.Helper()
		if _, err := l.Parse("x.yml", []byte(file)); err != nil {
			refused++
			mustNotLeak(t, err)
		}
	}
	for i, line := range lines {
		key, value, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		indent := key[:len(key)-len(strings.TrimLeft(key, " -"))]
		for _, changed := range []string{
			key + ": " + canarySecret, key + ": [" + canarySecret + "]", key + ": {" + canarySecret + ": 1}",
			key + ": *" + canarySecret, key + ": !" + canarySecret + " x", key + ": @" + canarySecret,
			indent + canarySecret + ": " + value, indent + canarySecret, key + ":" + canarySecret,
		} {
			try(Loader{}, strings.Join(append(append(append([]string(nil), lines[:i]...), changed), lines[i+1:]...), "\n"))
		}
	}
	for _, key := range Keys() {
		env := strings.ReplaceAll(key.Env, "<N>", "0")
		for _, value := range []string{
			canarySecret, "[" + canarySecret + "]", "{" + canarySecret + ": 1}", "*" + canarySecret,
		} {
			try(Loader{Environ: []string{env + "=" + value}}, minimal)
			try(Loader{Flags: parseFlags(t, "--set", strings.ReplaceAll(key.Path, "[N]", "[0]")+"="+value)}, minimal)
			try(Loader{Flags: parseFlags(t, "--set", value+"."+key.Path+"="+value)}, minimal)
		}
	}
	if refused < 500 {
		t.Errorf("only %d of the texts were refused", refused)
	}
}

func BenchmarkParse(b *testing.B) {
	example := Example()
	b.SetBytes(int64(len(example)))
	for b.Loop() {
		if _, err := (Loader{}).Parse("example.yml", example); err != nil {
			b.Fatal(err)
		}
	}
}
