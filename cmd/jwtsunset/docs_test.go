package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"jwtsunset/simulator"
)

// repository is the root of the repository, from here.
const repository = "../.."

// documents are the texts that tell people what to type, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{
		"README.md", "docs/*.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "deploy/systemd/*",
	} {
		files, err := filepath.Glob(filepath.Join(repository, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no such document (%v)", pattern, err)
		}
		for _, file := range files {
			texts[strings.TrimPrefix(file, repository+"/")] = read(t, file)
		}
	}
	return texts
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	fence = regexp.MustCompile("(?m)^ *```([a-z]*)\n((?s:.*?))\n *```\n")
	span  = regexp.MustCompile("`([^`]+)`")
)

// typed is what a document sets as code: in Markdown the lines of blocks and the spans of sentences, else all lines but
// comments.
func typed(name, text string) (all []string) {
	if filepath.Ext(name) != ".md" {
		return regexp.MustCompile(`(?m)^[^#\n].*$`).FindAllString(text, -1)
	}
	for _, match := range fence.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.Split(match[2], "\n")...)
	}
	for _, match := range span.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.Join(strings.Fields(match[1]), " "))
	}
	return all
}

var longFlag = regexp.MustCompile(`^--[a-z]`)

// called is a call of the program: what stands behind its name.
var called = regexp.MustCompile(`(?:^|[\s/(])jwtsunset((?: +[^\s|;#&)]+)*)`)

// callsIn are the calls in one line or span of code, each as words. A span that begins with a command or a flag is one
// without the program's name.
func callsIn(code string, commands map[string]*cobra.Command) (calls [][]string) {
	first, _, _ := strings.Cut(code, " ")
	if commands["jwtsunset "+first] != nil || longFlag.MatchString(first) {
		calls = append(calls, strings.Fields(code))
	}
	for _, match := range called.FindAllStringSubmatch(code, -1) {
		calls = append(calls, strings.Fields(match[1]))
	}
	return calls
}

// resolve finds the command that words call: the longest path that exists. What follows are arguments.
func resolve(words []string, commands map[string]*cobra.Command) (command *cobra.Command, rest []string) {
	path := "jwtsunset"
	for len(words) > 0 && commands[path+" "+words[0]] != nil {
		path, words = path+" "+words[0], words[1:]
	}
	return commands[path], words
}

// hasFlag tells whether a command has a flag, written as on the command line.
func hasFlag(c *cobra.Command, flag string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
	return name == "help" || c.Flags().Lookup(name) != nil || c.InheritedFlags().Lookup(name) != nil
}

// flagsIn are the long flags among words.
func flagsIn(words []string) (flags []string) {
	for _, word := range words {
		if longFlag.MatchString(word) {
			flags = append(flags, strings.TrimRight(word, ".,:;'\""))
		}
	}
	return flags
}

func TestDocumentsNameCommandsThatExist(t *testing.T) {
	commands := commandsOf(new(app).root())
	found := 0
	for name, text := range documents(t) {
		for _, code := range typed(name, text) {
			for _, words := range callsIn(code, commands) {
				found++
				checkCall(t, name, code, words, commands)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d calls were found in the documents", found)
	}
}

// checkCall fails for a call of a command or with a flag that does not exist.
func checkCall(t *testing.T, name, code string, words []string, commands map[string]*cobra.Command) {
	t.Helper()
	command, rest := resolve(words, commands)
	if command.HasSubCommands() && len(rest) > 0 && regexp.MustCompile(`^[a-z]+$`).MatchString(rest[0]) {
		t.Errorf("%s: %q: %s has no command %s", name, code, command.CommandPath(), rest[0])
	}
	for _, flag := range flagsIn(rest) {
		anywhere := slices.ContainsFunc(slices.Collect(maps.Values(commands)), func(c *cobra.Command) bool {
			return hasFlag(c, flag)
		})
		// Without a command the flag is one of some command.
		if !hasFlag(command, flag) && (command.HasParent() || !anywhere) {
			t.Errorf("%s: %q: %s has no flag %s", name, code, command.CommandPath(), flag)
		}
	}
}

// TestDocumentsNameEveryCommand wants each command that is ours in what users read.
func TestDocumentsNameEveryCommand(t *testing.T) {
	commands := commandsOf(new(app).root())
	named := map[*cobra.Command]bool{}
	for name, text := range documents(t) {
		if name != "README.md" && filepath.Dir(name) != "docs" {
			continue
		}
		for _, code := range typed(name, text) {
			for _, match := range called.FindAllStringSubmatch(code, -1) {
				command, _ := resolve(strings.Fields(match[1]), commands)
				named[command] = true
			}
		}
	}
	for path, command := range commands {
		// Naming one of a group is enough; help and completion's shells are cobra's.
		oneOf := append(command.Commands(), command)
		if command.Name() != "help" && !strings.HasPrefix(path, "jwtsunset completion ") &&
			!slices.ContainsFunc(oneOf, func(c *cobra.Command) bool { return named[c] }) {
			t.Errorf("%s is named in neither README.md nor docs", path)
		}
	}
}

func TestReadmeNamesTheExitCodes(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \|$`).FindAllStringSubmatch(read(t, repository+"/README.md"), -1)
	want := map[int]string{
		exitDone: "nothing is left", exitLeft: "some are left", exitPartial: "not everything could be seen",
		exitError: "any error",
	}
	if len(rows) != len(want) {
		t.Errorf("the README has %d exit codes, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		code, err := strconv.Atoi(row[1])
		if meaning, ok := want[code]; err != nil || !ok || !strings.Contains(row[2], meaning) {
			t.Errorf("exit code %s means %q in the README, want %q", row[1], row[2], meaning)
		}
	}
	long := commandsOf(new(app).root())["jwtsunset scan"].Long
	for code, meaning := range want {
		pattern := `(?s)\b` + strconv.Itoa(code) + `\b[^,.]*` + strings.ReplaceAll(meaning, " ", `\s+`)
		if !regexp.MustCompile(pattern).MatchString(long) {
			t.Errorf("the help of scan does not say that %d means %q", code, meaning)
		}
	}
}

// TestDocumentedConfigurationsLoad loads every configuration that the documents show, with its secret in place.
func TestDocumentedConfigurationsLoad(t *testing.T) {
	var shown []string
	for _, name := range []string{"README.md", "docs/configuration.md"} {
		for _, match := range fence.FindAllStringSubmatch(read(t, filepath.Join(repository, name)), -1) {
			if match[1] == "yaml" && strings.Contains(match[2], "organizations:") {
				shown = append(shown, match[2]+"\n")
			}
		}
	}
	if len(shown) != 2 {
		t.Fatalf("%d configurations are shown, want one in the README and one in docs/configuration.md", len(shown))
	}
	t.Chdir(t.TempDir())
	write(t, "client-secret", simulator.ClientSecret+"\n")
	for _, text := range shown {
		write(t, "jwtsunset.yml", text)
		cfg, err := (&app{clock: time.Now, configPath: "jwtsunset.yml"}).loadConfig()
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		for _, w := range append(cfg.Warnings(), cfg.Unused()...) {
			if !strings.Contains(w, "/run/secrets/adobe") { // which this machine does not have
				t.Errorf("warning: %s\n%s", w, text)
			}
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReadmeHasTwoCommandsToTry wants nothing but these two before anything must be configured.
func TestReadmeHasTwoCommandsToTry(t *testing.T) {
	_, section, _ := strings.Cut(read(t, repository+"/README.md"), "\n## Try it\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for _, match := range fence.FindAllStringSubmatch(section, -1) {
		commands = append(commands, strings.TrimSpace(match[2]))
	}
	if want := []string{"go run ./cmd/jwtsunset demo", "make test"}; !slices.Equal(commands, want) {
		t.Errorf("the README lets people try %q, want %q", commands, want)
	}
}

func TestDocumentsNameTargetsThatExist(t *testing.T) {
	makefile := read(t, repository+"/Makefile")
	named := regexp.MustCompile(`(?:^|\s)make ([a-z][a-z-]*)`)
	found := 0
	for name, text := range documents(t) {
		for _, code := range typed(name, text) {
			for _, match := range named.FindAllStringSubmatch(code, -1) {
				found++
				if !regexp.MustCompile(`(?m)^` + match[1] + `:.*## `).MatchString(makefile) {
					t.Errorf("%s: %q: the Makefile has no target %s with a line of help", name, code, match[1])
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d targets were found in the documents", found)
	}
}

// TestDocumentsNameEveryAction compares the actions that docs/audit.md lists with those that the audit log knows.
func TestDocumentsNameEveryAction(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^\s+Action\w+ +(?:Action )?= "([a-z-]+)"`)
	listed := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")
	var want, got []string
	for _, match := range declared.FindAllStringSubmatch(read(t, repository+"/audit/event.go"), -1) {
		want = append(want, match[1])
	}
	for _, match := range listed.FindAllStringSubmatch(read(t, repository+"/docs/audit.md"), -1) {
		got = append(got, match[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(want, got) {
		t.Errorf("docs/audit.md lists %q, the log knows %q", got, want)
	}
}
