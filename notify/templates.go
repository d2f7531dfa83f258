package notify

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/template"
)

// Templates are the words of messages, one set of blocks for each language and kind. They are not changed once loaded.
type Templates struct {
	sets map[setName]*template.Template
}

type setName struct {
	language string
	kind     Kind
}

//go:embed templates
var builtIn embed.FS

// commonFile holds the blocks that all kinds of a language share.
const commonFile = "common"

const (
	suffix = ".tmpl"
	// maxFile bounds a template file, and maxBlock what one block writes, in bytes.
	maxFile  = 64 << 10
	maxBlock = 16 << 10
)

// LoadTemplates gives the built-in templates, with each file of a folder in the place of the built-in one of the same
// name: en/reminder.tmpl. The folder may be "". Every block is tried on sample messages, so that a template that cannot
// work is an error here, which names file and line, and not when a message is due. So is a file of another name.
func LoadTemplates(folder string) (*Templates, error) {
	if folder == "" {
		return builtInTemplates()
	}
	sources, err := readSources(folder)
	if err != nil {
		return nil, err
	}
	t, problems := parseSets(sources)
	if len(problems) == 0 {
		problems = t.check(sources)
	}
	if len(problems) == 0 {
		problems = t.try()
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("load message templates: %w", errors.Join(unique(problems)...))
	}
	return t, nil
}

// builtInTemplates are the same for everybody. They are neither checked nor tried: tests do that, and every command
// that may send something would take as long again.
var builtInTemplates = sync.OnceValues(func() (*Templates, error) {
	sources, err := readSources("")
	if err != nil {
		return nil, err
	}
	t, problems := parseSets(sources)
	return t, errors.Join(problems...)
})

func parseSets(sources map[string]source) (t *Templates, problems []error) {
	t = &Templates{sets: map[setName]*template.Template{}}
	for _, language := range Languages() {
		for _, kind := range Kinds() {
			set, err := parseSet(sources, language, kind)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			t.sets[setName{language, kind}] = set
		}
	}
	return t, problems
}

// language is the one of a message if there are templates for it, and else English.
func (t *Templates) language(wanted string) string {
	if slices.Contains(Languages(), wanted) {
		return wanted
	}
	return Language(wanted, English)
}

// source is the text of a file, and the name by which errors speak of it.
type source struct{ name, text string }

// fileNames lists the files that there are, without the suffix.
func fileNames() []string {
	var names []string
	for _, language := range Languages() {
		names = append(names, path.Join(language, commonFile))
		for _, kind := range Kinds() {
			names = append(names, path.Join(language, string(kind)))
		}
	}
	return names
}

func readSources(folder string) (map[string]source, error) {
	sources := map[string]source{}
	for _, name := range fileNames() {
		text, err := builtIn.ReadFile(path.Join("templates", name+suffix))
		if err != nil {
			return nil, fmt.Errorf("load message templates: %w", err)
		}
		sources[name] = source{name + suffix, string(text)}
	}
	if folder == "" {
		return sources, nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("load message templates: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only read from
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return replaceSource(sources, root, folder, name)
	})
	if err != nil {
		return nil, fmt.Errorf("load message templates: %w", err)
	}
	return sources, nil
}

// replaceSource puts one file of the operator in the place of the built-in one.
func replaceSource(sources map[string]source, root *os.Root, folder, name string) error {
	shown := filepath.Join(folder, name)
	base := strings.TrimSuffix(name, suffix)
	if _, known := sources[base]; !known || base == name {
		return fmt.Errorf("%s: there is no such template; those that can be replaced are %s%s", shown,
			strings.Join(fileNames(), suffix+", "), suffix)
	}
	info, err := root.Stat(name)
	if err != nil {
		return err
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%s: it has more than %d bytes", shown, maxFile)
	}
	text, err := root.ReadFile(name)
	if err != nil {
		return err
	}
	sources[base] = source{shown, string(text)}
	return nil
}

// parseSet makes the set of one language and kind: its own blocks, then the common ones where it has none of that name.
func parseSet(sources map[string]source, language string, kind Kind) (*template.Template, error) {
	root := template.New("").Funcs(functions())
	for _, base := range []string{commonFile, string(kind)} {
		s := sources[path.Join(language, base)]
		if _, err := root.New(s.name).Parse(s.text); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// functions are those that templates have besides the built-in ones of text/template.
func functions() template.FuncMap {
	return template.FuncMap{
		"bold":   func(s string) string { return markBold + s + markBoldEnd },
		"code":   func(s string) string { return markField + s + markFieldEnd },
		"link":   func(address, label string) string { return markLink + address + markLabel + label + markLinkEnd },
		"plural": plural,
		"signed": func(n int) string { return strings.Replace(fmt.Sprintf("%+d", n), "-", "−", 1) },
	}
}

// plural is a number with the noun's form for it.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// execute runs one block.
func execute(set *template.Template, block string, data any) (string, error) {
	out := limited{}
	err := set.ExecuteTemplate(&out, block, data)
	if errors.Is(err, errTooLong) { // comes without a place
		return "", fmt.Errorf("template: %s: the block %q: %w", set.Lookup(block).ParseName, block, err)
	}
	return out.String(), err
}

var errTooLong = fmt.Errorf("it writes more than %d bytes", maxBlock)

// limited is a buffer that refuses what a template writes without end.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxBlock {
		return 0, errTooLong
	}
	return l.Buffer.Write(p)
}

// unique leaves out problems of a shared file that come once for each kind.
func unique(problems []error) []error {
	seen := map[string]bool{}
	return slices.DeleteFunc(problems, func(err error) bool {
		known := seen[err.Error()]
		seen[err.Error()] = true
		return known
	})
}
