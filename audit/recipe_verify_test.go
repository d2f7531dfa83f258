//go:build verify

package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The exit statuses of verify.sh.
const (
	statusSound    = 0
	statusTampered = 3
	statusCouldNot = 4
)

// script runs verify.sh of a bundle on it, with further variables, and gives what it printed.
func script(t *testing.T, folder string, variables ...string) (status int, output string) {
	t.Helper()
	return bash(t, folder, variables, filepath.Join(folder, "verify.sh"), folder)
}

// bash fails the test where there is no bash; what else is missing the script has to say.
func bash(t *testing.T, folder string, variables []string, arguments ...string) (status int, output string) {
	t.Helper()
	state, output := run(t, folder, variables, arguments...)
	return state.ExitCode(), output
}

func run(t *testing.T, folder string, variables []string, arguments ...string) (state *os.ProcessState, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", arguments...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &out
	cmd.Env = append(os.Environ(), variables...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0) {
		t.Fatalf("run bash: %v\n%s", err, out.String())
	}
	return cmd.ProcessState, out.String()
}

// requireTools fails where a tool of the recipe is missing: nothing here is skipped.
func requireTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"bash", "openssl", "jq", "sha256sum", "cat", "tail"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the recipe for auditors needs %s: %v", tool, err)
		}
	}
}

func TestScriptFindsSound(t *testing.T) {
	requireTools(t)
	whole := variedLog(t)
	rotatedLast, replacedLast := newLog(t, 3), newLog(t, 3)
	rotatedLast.rotate(t)
	replacedLast.replace(t)
	for name, c := range map[string]struct {
		log    *testLog
		export Export
	}{
		"whole":                {whole, Export{CSV: true}},
		"since":                {whole, Export{CSV: true, Since: testTime.Add(200 * time.Second)}},
		"since a new key":      {whole, Export{Since: testTime.Add(6 * time.Second)}},
		"one entry":            {newLog(t, 1), Export{CSV: true}},
		"a new key at the end": {rotatedLast, Export{CSV: true}},
		"a replaced key":       {replacedLast, Export{}},
		"only the replacing":   {replacedLast, Export{Since: testTime.Add(4 * time.Second)}},
	} {
		t.Run(name, func(t *testing.T) {
			c.export.Log = c.log.log()
			status, output := script(t, exported(t, c.export))
			if status != statusSound || !strings.Contains(output, c.log.key.Public().String()) ||
				!strings.Contains(output, c.log.key.Public().Fingerprint()) || !strings.Contains(output, c.log.head.Hash.String()) {
				t.Errorf("status %d: %s", status, output)
			}
		})
	}
}

// TestScriptTakesItsFolder is for the ways in which one can call it.
func TestScriptTakesItsFolder(t *testing.T) {
	requireTools(t)
	folder := exported(t, Export{Log: newLog(t, 2).log(), CSV: true})
	for _, c := range []struct {
		from      string
		arguments []string
	}{
		{folder, []string{"verify.sh"}},
		{folder, []string{"./verify.sh", "."}},
		{filepath.Dir(folder), []string{"export/verify.sh"}},
		{filepath.Dir(folder), []string{"export/verify.sh", "export"}},
		{"/", []string{filepath.Join(folder, "verify.sh")}},
	} {
		if status, output := bash(t, c.from, []string{"CDPATH=/usr"}, c.arguments...); status != statusSound {
			t.Errorf("%v in %s: status %d: %s", c.arguments, c.from, status, output)
		}
	}
	if status, _ := script(t, t.TempDir()); status == statusSound {
		t.Error("a folder without the script")
	}
	if status, output := bash(t, folder, nil, "verify.sh", "/none"); status != statusCouldNot {
		t.Errorf("no folder: status %d: %s", status, output)
	}
}

func TestScriptFindsManipulations(t *testing.T) {
	requireTools(t)
	l := variedLog(t)
	folder := exported(t, Export{Log: l.log(), CSV: true})
	for _, c := range manipulations(t, l) {
		t.Run(c.name, func(t *testing.T) {
			if c.script == "" {
				return // left to the program, as verify.sh says
			}
			t.Parallel()
			copied := filepath.Join(t.TempDir(), "export")
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			c.apply(t, copied)
			status, output := script(t, copied)
			if status != statusTampered || !strings.HasPrefix(output, "tampered: "+c.script) {
				t.Errorf("status %d: %s\nwant: %s", status, output, c.script)
			}
		})
	}
}

// TestScriptTellsWhenItCannot takes files away, and tools.
func TestScriptTellsWhenItCannot(t *testing.T) {
	requireTools(t)
	l := newLog(t, 3)
	for _, name := range []string{
		fileEntries, fileCSV, fileMilestones, fileCheckpoint, fileText, fileSignature, fileKeyPEM, fileKeyText, fileExport, "csv.jq",
	} {
		folder := exported(t, Export{Log: l.log(), CSV: true})
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		if status, output := script(t, folder); status != statusCouldNot || !strings.Contains(output, name) {
			t.Errorf("without %s: status %d: %s", name, status, output)
		}
	}
	folder := exported(t, Export{Log: l.log(), CSV: true})
	for _, missing := range []string{"openssl", "jq", "sha256sum"} {
		status, output := script(t, folder, "PATH="+toolsWithout(t, missing))
		if status != statusCouldNot || !strings.Contains(output, missing+" is not installed") {
			t.Errorf("without %s: status %d: %s", missing, status, output)
		}
	}
	failing := toolsWithout(t, "sha256sum")
	if err := os.WriteFile(filepath.Join(failing, "sha256sum"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if status, output := script(t, folder, "PATH="+failing); status != statusCouldNot {
		t.Errorf("with a failing sha256sum: status %d: %s", status, output)
	}
}

// toolsWithout is a folder with the tools of the recipe but for one.
func toolsWithout(t *testing.T, missing string) string {
	t.Helper()
	folder := t.TempDir()
	for _, tool := range []string{"bash", "openssl", "jq", "sha256sum", "cat", "tail"} {
		path, err := exec.LookPath(tool)
		if err == nil && tool != missing {
			err = os.Symlink(path, filepath.Join(folder, tool))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestTableOfEveryCharacter compares the tables that the program and jq make of all characters.
func TestTableOfEveryCharacter(t *testing.T) {
	requireTools(t)
	l := newLog(t, 1)
	var text strings.Builder
	for r := range rune(utf8.MaxRune) + 1 {
		if r > 0x3000 && r%61 != 0 && r < 0xd7ff { // and some of the Chinese and Korean ones
			continue
		}
		if r > 0xffff && r%997 != 0 {
			continue
		}
		if text.WriteRune(r); text.Len() > 150 {
			l.add(t, Event{
				Action: "text-told", Object: Object{Type: "text", ID: text.String()}, Result: ResultOK,
				Facts: []Fact{Text("of_all", text.String())},
			})
			text.Reset()
		}
	}
	for _, first := range formulaStarts {
		if row := string(appendCell(nil, string(first)+"1")); row != `"'`+string(first)+`1"` {
			t.Errorf("a cell that begins with %q is %s", first, row)
		}
		l.add(t, Event{Action: "text-told", Object: Object{Type: "text", ID: string(first) + "1"}, Result: ResultOK})
	}
	var facts []Fact
	for i := range maxFacts {
		facts = append(facts, Number(fmt.Sprintf("f%d", maxFacts-i), int64(i)))
	}
	l.add(t, Event{Action: "numbers-told", Result: ResultOK, Facts: facts})
	status, output := script(t, exported(t, Export{Log: l.log(), CSV: true}))
	if status != statusSound {
		t.Errorf("%d entries: status %d: %s", l.head.Size, status, output)
	}
	t.Logf("%d entries", l.head.Size)
}

// TestScriptTakesLongLogs makes sure that four times the entries take about four times as long, by the processors' time.
func TestScriptTakesLongLogs(t *testing.T) {
	requireTools(t)
	each := func(entries int) time.Duration {
		l := newLog(t, 1)
		for range entries - 2 {
			l.addQuickly(t)
		}
		l.grow(t)
		folder := exported(t, Export{Log: l.log()})
		state, output := run(t, folder, nil, filepath.Join(folder, "verify.sh"), folder)
		if state.ExitCode() != statusSound {
			t.Errorf("status %d: %s", state.ExitCode(), output)
		}
		return (state.UserTime() + state.SystemTime()) / time.Duration(entries)
	}
	few, many := each(500), each(2000)
	t.Logf("an entry takes %s in a log of 500 and %s in one of 2000", few, many)
	if many > 2*few {
		t.Error("the script takes more than in proportion to the entries")
	}
}

// TestStepsByHand runs each step that README.md tells people to do by hand.
func TestStepsByHand(t *testing.T) {
	requireTools(t)
	l := variedLog(t)
	c, err := readCheckpoint(l.notes[len(l.notes)-1])
	if err != nil {
		t.Fatal(err)
	}
	folder := exported(t, Export{Log: l.log(), CSV: true})
	lines := strings.Split(c.text(), "\n")
	end := lines[1] + "\n" + lines[2] + "\n"
	checks := []func(string) bool{
		func(s string) bool { return s == "Signature Verified Successfully\n" },
		func(s string) bool { return s == end+end },
		twice, // the same digits in two lines
		func(s string) bool { return strings.Join(strings.Fields(s), "") == fmt.Sprintf("[1,%d]", l.head.Size) },
		func(s string) bool {
			return strings.Count(s, "\n") == 4 && strings.HasSuffix(s, "\n"+l.key.Public().String()+"\n") &&
				strings.Contains(s, `"new_key":"`+l.key.Public().String())
		},
		twice,
	}
	steps := stepsOf(contentOf(t, folder, "README.md"))
	if len(steps) != len(checks) {
		t.Fatalf("%d steps, %d are known here", len(steps), len(checks))
	}
	for i, step := range steps {
		status, output := bash(t, folder, nil, "-euc", step)
		if status != 0 || !checks[i](output) {
			t.Errorf("step %d: status %d: %s", i+1, status, output)
		}
	}
}

// TestStepsByHandBite changes what each of the first four steps looks at.
func TestStepsByHandBite(t *testing.T) {
	requireTools(t)
	l := variedLog(t)
	for i, change := range []func(*testing.T, string){
		flipIn(fileText, 20),
		editLines(func(lines [][]byte) [][]byte { return lines[:len(lines)-1] }),
		replaceIn(fileEntries, `"id":"16"`, `"id":"61"`),
		editLines(func(lines [][]byte) [][]byte { return append(lines[:8], lines[9:]...) }),
	} {
		folder := exported(t, Export{Log: l.log(), CSV: true})
		step := stepsOf(contentOf(t, folder, "README.md"))[i]
		_, sound := bash(t, folder, nil, "-euc", step)
		change(t, folder)
		if status, output := bash(t, folder, nil, "-euc", step); status == 0 && output == sound {
			t.Errorf("step %d: status %d: %s", i+1, status, output)
		}
	}
}

// stepsOf are the shell commands in a Markdown text.
func stepsOf(markdown string) (steps []string) {
	for _, block := range strings.Split(markdown, "```sh\n")[1:] {
		step, _, _ := strings.Cut(block, "```")
		steps = append(steps, step)
	}
	return steps
}

func twice(output string) bool {
	lines := strings.Split(output, "\n")
	return len(lines) == 3 && len(lines[0]) > 64 && len(lines[1]) > 64 && lines[0][:64] == lines[1][:64]
}
