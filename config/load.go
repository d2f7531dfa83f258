package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// Loader loads configurations. Its zero value reads a file only.
type Loader struct {
	// Environ is the environment in the form of os.Environ.
	Environ []string
	// Flags are those of the command line; nil for none.
	Flags *FlagValues
	// CheckSchedule says what is wrong with a cron schedule; nil accepts every one that is not empty.
	CheckSchedule func(spec string, zone *time.Location) error

	// files is set when the file of owners, which the configuration names, is read too.
	files bool
}

// Load reads the file, puts environment and flags over it, and reads the file of owners that they name. An empty path
// is no file. The error is Problems when the content is wrong, and wraps fs.ErrNotExist when there is no such file.
func (l Loader) Load(path string) (*Config, error) {
	l.files = true
	if path == "" {
		return l.parse("no file", nil, false)
	}
	data, err := readStable(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read configuration: %w; write one with: jwtsunset config init", err)
	case err != nil:
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return l.Parse(path, []byte(data))
}

// Parse is Load for a file that has been read, without the file of owners; name stands for the file in problems.
func (l Loader) Parse(name string, data []byte) (*Config, error) {
	return l.parse(name, data, true)
}

func (l Loader) parse(name string, data []byte, file bool) (*Config, error) {
	run := newLoading(name, schema(), listLimit)
	root := run.document(data, file)
	if root == nil {
		return nil, run.problems
	}
	// A file that is not a section at all is reported as such; nothing can be put over it.
	if root.Kind == yaml.MappingNode {
		run.overrides(root, l)
	}
	c := Default()
	run.value(schema(), root, reflect.ValueOf(c).Elem(), "")
	run.check(c, l.CheckSchedule)
	run.leftOver(c)
	owners := &Owners{}
	if l.files {
		owners = run.readOwners(c)
	}
	if len(run.problems) > 0 {
		run.problems.sort()
		return nil, run.problems
	}
	c.given = make(map[string]bool, len(run.at))
	for path := range run.at {
		c.given[path] = true
	}
	c.owners = owners.withPeople(c.People)
	c.cutOff = len(data) > 0 && data[len(data)-1] != '\n'
	return c, nil
}

// document is the file's tree; an empty section for an empty file, nil after a problem.
func (l *loading) document(data []byte, file bool) *yaml.Node {
	if len(data) > fileLimit {
		l.add(Problem{Where: l.file, Message: fmt.Sprintf("is larger than %d bytes", fileLimit)})
		return nil
	}
	root, err := parseTree(data)
	var syntax *syntaxError
	switch {
	case errors.As(err, &syntax):
		p := Problem{Where: l.file, Message: syntax.message, Hint: syntax.hint}
		if syntax.line > 0 {
			p.Where = position(l.file, syntax.line, syntax.column)
		}
		l.add(p)
		return nil
	case err != nil:
		l.add(Problem{Where: l.file, Message: "cannot be read as YAML"})
		return nil
	case root == nil:
		if file {
			l.file += " (empty)"
		}
		return &yaml.Node{Kind: yaml.MappingNode}
	}
	return root
}

// overrides puts the environment and then the flags into the tree.
func (l *loading) overrides(root *yaml.Node, from Loader) {
	all := l.environment(from.Environ)
	if from.Flags != nil {
		all = append(all, from.Flags.overrides...)
		for _, p := range from.Flags.broken {
			l.add(p)
		}
	}
	for _, o := range all {
		l.apply(root, o)
	}
}

// leftOver reports the variables that name no key, except those from which the configuration reads secrets.
func (l *loading) leftOver(c *Config) {
	for _, source := range append(c.sources(), c.idleSources()...) {
		delete(l.unknown, source.Env)
	}
	names := make([]string, 0, len(l.unknown))
	for name := range l.unknown {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		l.add(l.unknown[name])
	}
}

// readStable reads a file that nobody writes to meanwhile: half a file must not become the configuration.
func readStable(path string) (string, error) {
	before, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if before.IsDir() {
		return "", fmt.Errorf("%s is a folder", path)
	}
	data, err := readLimited(path, fileLimit)
	if err != nil {
		return "", err
	}
	after, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !os.SameFile(before, after) || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		return "", fmt.Errorf("%s changed while it was read: write a new file and rename it into place", path)
	}
	return data, nil
}
