package notify

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func loaded(t testing.TB) *Templates {
	t.Helper()
	templates, err := builtInTemplates()
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

func TestEveryFileIsUsed(t *testing.T) {
	var files []string
	err := fs.WalkDir(builtIn, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), suffix))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Sorted(slices.Values(fileNames())); !slices.Equal(slices.Sorted(slices.Values(files)), want) {
		t.Errorf("embedded are %q, used %q", files, want)
	}
}

// TestBuiltInTemplates checks and tries all built-in templates, which the program does only with those of an operator.
func TestBuiltInTemplates(t *testing.T) {
	sources, err := readSources("")
	if err != nil {
		t.Fatal(err)
	}
	if problems := append(loaded(t).check(sources), loaded(t).try()...); len(problems) > 0 {
		t.Error(errors.Join(problems...))
	}
}

// TestSameBlocks holds that each language has the same blocks as the others.
func TestSameBlocks(t *testing.T) {
	for _, kind := range Kinds() {
		var blocks [][]string
		for _, language := range Languages() {
			var names []string
			for _, one := range loaded(t).sets[setName{language, kind}].Templates() {
				if !strings.HasSuffix(one.Name(), suffix) {
					names = append(names, one.Name())
				}
			}
			slices.Sort(names)
			blocks = append(blocks, names)
		}
		if !slices.Equal(blocks[0], blocks[1]) {
			t.Errorf("%s: the blocks are\n%q\n%q", kind, blocks[0], blocks[1])
		}
	}
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fileOf is the text of a built-in file.
func fileOf(t *testing.T, name string) string {
	t.Helper()
	text, err := builtIn.ReadFile("templates/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOperatorsTemplates(t *testing.T) {
	text := strings.Replace(fileOf(t, "en/reminder.tmpl"), "Adobe credentials", "old keys of Adobe", 1)
	templates, err := LoadTemplates(folder(t, map[string]string{"en/reminder.tmpl": text}))
	if err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string]string{English: "old keys of Adobe", TraditionalChinese: "Adobe 憑證"} {
		m := samples(language)[0]
		r, err := templates.Render(m, PageOf(m, 0, 40, 10), PlainMedium())
		if err != nil || !strings.Contains(r.Title, want) {
			t.Errorf("%s: got %q, %v", language, r.Title, err)
		}
	}
}

func TestBadTemplates(t *testing.T) {
	without := func(name, block string) string {
		return strings.Replace(fileOf(t, name), `{{define "`+block+`"`, `{{define "other"`, 1)
	}
	with := func(name, old, text string) string { return strings.Replace(fileOf(t, name), old, text, 1) }
	tests := []struct {
		name, file, text string
		want             []string
	}{
		{"unknown file", "en/reminders.tmpl", "", []string{"en/reminders.tmpl", "no such template", "zh-TW/reminder.tmpl"}},
		{"unknown language", "de/reminder.tmpl", "", []string{"de/reminder.tmpl", "no such template"}},
		{"no suffix", "en/reminder", "", []string{"no such template"}},
		{"read me", "README.md", "", []string{"README.md", "no such template"}},
		{"syntax", "en/reminder.tmpl", "\n\n{{if}}", []string{"en/reminder.tmpl:3:", "missing value"}},
		{"no function", "zh-TW/digest.tmpl", "{{upper .Link}}", []string{"zh-TW/digest.tmpl:1:", "upper"}},
		{"no block", "en/reminder.tmpl", without("en/reminder.tmpl", "title"), []string{"title", "missing"}},
		{"field that is never reached", "en/reminder.tmpl",
			with("en/reminder.tmpl", `{{define "outro" -}}`, `{{define "outro" -}}{{if false}}{{.Title}}{{end}}`),
			[]string{"en/reminder.tmpl:", "no field Title"}},
		{"field of another type", "en/reminder.tmpl",
			with("en/reminder.tmpl", `{{define "outro" -}}`, `{{define "outro" -}}{{.Sandboxes}}`),
			[]string{"en/reminder.tmpl:", "Sandboxes"}},
		{"raw message", "en/reminder.tmpl",
			with("en/reminder.tmpl", `{{define "outro" -}}`, `{{define "outro" -}}{{.message}}`), []string{"en/reminder.tmpl:", "message"}},
		{"mention", "en/escalation.tmpl", "\n<!channel>", []string{"en/escalation.tmpl:2", "< > &", "link"}},
		{"control character", "en/common.tmpl", "\n\x02", []string{"en/common.tmpl:2", "control character"}},
		{"endless", "en/reminder.tmpl",
			with("en/reminder.tmpl", `{{define "outro" -}}`, `{{define "outro" -}}{{range 1000000}}xxxxxxxx{{end}}`),
			[]string{"en/reminder.tmpl:", "more than 16384 bytes"}},
		{"endless in itself", "en/reminder.tmpl",
			with("en/reminder.tmpl", `{{define "outro" -}}`, `{{define "outro" -}}{{template "outro" .}}`),
			[]string{"en/reminder.tmpl:", "exceeded maximum template depth"}},
		{"large", "en/reminder.tmpl", strings.Repeat(" ", maxFile+1), []string{"en/reminder.tmpl", "65536"}},
		{"title says nothing", "en/reminder.tmpl",
			with("en/reminder.tmpl", "{{if .Replaced}}Replaced by a newer message", "{{if .Replaced}}"), []string{"en/reminder.tmpl", "says nothing"}},
		{"long line", "en/escalation.tmpl",
			with("en/escalation.tmpl", `{{define "line" -}}`, `{{define "line" -}}`+strings.Repeat("x", lineUnits)), []string{"line", "300"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			templates, err := LoadTemplates(folder(t, map[string]string{tt.file: tt.text}))
			if err == nil || templates != nil {
				t.Fatal("it was loaded")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

func TestTemplateFolder(t *testing.T) {
	if _, err := LoadTemplates(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that there is not: got %v", err)
	}
	dir := folder(t, map[string]string{"en/common.tmpl": fileOf(t, "en/common.tmpl")})
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "en", "digest.tmpl")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTemplates(dir); err == nil {
		t.Error("a link that leads out of the folder was followed")
	}
}
