//go:build verify

package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user that the image runs as.
const nobody = 65532

// TestDockerfile holds what the image promises: who it runs as, that it checks its own health, that it has no shell,
// and that its binary comes from the same command as everybody's.
func TestDockerfile(t *testing.T) {
	stages := stages(t)
	if len(stages) != 2 {
		t.Fatalf("the Dockerfile has %d stages, want one that builds and one that is the image", len(stages))
	}
	build, image := stages[0], stages[1]
	for _, want := range []struct{ stage, pattern string }{
		{build, `(?m)^FROM golang:\d+\.\d+ AS build$`},
		{build, `(?m)^RUN make build BIN=/out/jwtsunset `},
		{image, `(?m)^FROM gcr\.io/distroless/static-debian\d+:nonroot$`},
		{image, `(?m)^COPY --from=build /out/jwtsunset /jwtsunset$`},
		{image, `(?m)^USER 65532:65532$`},
		{image, `(?m)^VOLUME /data$`},
		{image, `(?m)^HEALTHCHECK .*CMD \["/jwtsunset", "healthcheck"\]$`},
		{image, `(?m)^ENTRYPOINT \["/jwtsunset"\]$`},
		{image, `(?m)^CMD \["serve"\]$`},
		{image, `(?m)^ENV JWTSUNSET_CONFIG=/etc/jwtsunset/jwtsunset\.yml$`},
	} {
		if !regexp.MustCompile(want.pattern).MatchString(want.stage) {
			t.Errorf("the Dockerfile lacks %s in this stage:\n%s", want.pattern, want.stage)
		}
	}
	for _, never := range []string{`(?m)^RUN `, `(?m)^ADD `, `(?m)^SHELL `, `(?m)^(CMD|ENTRYPOINT) [^\[]`, `:latest`} {
		if regexp.MustCompile(never).MatchString(image) {
			t.Errorf("the image's stage has %s, which needs a shell or is not pinned:\n%s", never, image)
		}
	}
	base, module := goVersion(t, "../Dockerfile", `golang:(\d+\.\d+) `), goVersion(t, "../go.mod", `(?m)^go (\d+\.\d+)`)
	if base != module {
		t.Errorf("the image is built with Go %s, and the module asks for %s", base, module)
	}
}

// stages splits the Dockerfile at FROM and drops its comments.
func stages(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(content), "")
	var stages []string
	for part := range strings.SplitSeq("\n"+plain, "\nFROM ") {
		if part = strings.TrimSpace(part); part != "" {
			stages = append(stages, "FROM "+part)
		}
	}
	return stages
}

func goVersion(t *testing.T, file, pattern string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(pattern).FindSubmatch(content)
	if match == nil {
		t.Fatalf("%s has no Go version", file)
	}
	return string(match[1])
}

// TestImage builds the binary as the image does, from what .dockerignore leaves of the repository, and runs it as the
// image does: as a user without rights, in a file system that holds nothing else. The binary must be static, the same
// bytes from another folder, and able to work there.
func TestImage(t *testing.T) {
	sent := t.TempDir()
	copyContext(t, sent)
	built := makeBuild(t, sent)
	checkStatic(t, built)
	if a, b := digest(t, built), digest(t, makeBuild(t, "..")); a != b {
		t.Errorf("two builds of the same source in two folders differ: %x and %x", a, b)
	}

	root := emptyRoot(t, built)
	out := inside(t, root, 0, "version")
	if !bytes.Contains(out, []byte("1.2.3-image")) {
		t.Errorf("the image's binary does not tell the version it was built with:\n%s", out)
	}
	inside(t, root, 3, "demo", "--once")
	checkHealth(t, root)
}

// checkHealth runs the daemon as the image does, in a time zone that only the binary can know, and asks it as the
// image's HEALTHCHECK does. Only the port is another one than the image's.
func checkHealth(t *testing.T, root string) {
	t.Helper()
	data, etc := filepath.Join(root, "data"), filepath.Join(root, "etc", "jwtsunset")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	metrics := freeAddress(t)
	content, err := os.ReadFile(configure(t, data, simulate(t), metrics))
	if err != nil {
		t.Fatal(err)
	}
	adapted := strings.ReplaceAll(string(content), data, "/data")
	adapted = strings.Replace(adapted, "schedule:\n", "schedule:\n  time_zone: Europe/Berlin\n", 1)
	write(t, filepath.Join(etc, "jwtsunset.yml"), adapted)
	giveAway(t, etc)
	giveAway(t, data)
	env := []string{"JWTSUNSET_CONFIG=/etc/jwtsunset/jwtsunset.yml", "JWTSUNSET_LISTEN_METRICS=" + metrics}

	check := func(ctx context.Context) error {
		cmd := chrooted(ctx, t, root, "healthcheck")
		cmd.Env = env
		return cmd.Run()
	}
	if err := check(t.Context()); err == nil {
		t.Error("the health check passes before anything runs")
	}
	cmd := chrooted(t.Context(), t, root, "serve")
	cmd.Env = env
	daemon := start(t, cmd)
	eventually(t, "the image's health check", func(ctx context.Context) error {
		if daemon.ended() {
			return errors.New("the daemon ended")
		}
		return check(ctx)
	})
	daemon.stop(t)
}

// copyContext copies what `docker build` would send to the builder.
func copyContext(t *testing.T, to string) {
	t.Helper()
	ignored := dockerIgnore(t)
	err := filepath.WalkDir("..", func(from string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel("..", from)
		if err != nil {
			return err
		}
		switch {
		case name == ".":
			return nil
		case ignored(filepath.ToSlash(name)) && entry.IsDir():
			return fs.SkipDir
		case ignored(filepath.ToSlash(name)):
			return nil
		case entry.IsDir():
			return os.Mkdir(filepath.Join(to, name), 0o700)
		}
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dockerIgnore reads .dockerignore as far as ours goes: names from the root, and **/ patterns for any depth.
func dockerIgnore(t *testing.T) func(name string) bool {
	t.Helper()
	content, err := os.ReadFile("../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var fromRoot, anywhere []string
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		pattern, deep := strings.CutPrefix(line, "**/")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case deep:
			anywhere = append(anywhere, pattern)
		case strings.ContainsAny(line, "*?[!/"):
			t.Fatalf(".dockerignore: this test cannot read %q", line)
		default:
			fromRoot = append(fromRoot, line)
		}
	}
	return func(name string) bool {
		return slices.Contains(fromRoot, name) || slices.ContainsFunc(anywhere, func(pattern string) bool {
			matched, err := path.Match(pattern, path.Base(name))
			return matched && err == nil
		})
	}
}

// makeBuild runs the Dockerfile's build command in a folder.
func makeBuild(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "jwtsunset")
	cmd := exec.CommandContext(t.Context(), "make", "build", "BIN="+out, "VERSION=1.2.3-image", "REVISION=r", "BRANCH=b",
		"DATE=2026-01-02T03:04:05Z")
	cmd.Dir = dir
	if printed, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build in %s: %v\n%s", dir, err, printed)
	}
	return out
}

func digest(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

func checkStatic(t *testing.T, file string) {
	t.Helper()
	binary, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = binary.Close() }()
	for _, part := range binary.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: it has a program header %v", part.Type)
		}
	}
}

// emptyRoot makes the image's file system: the binary, /data and /tmp.
func emptyRoot(t *testing.T, built string) string {
	t.Helper()
	root := t.TempDir()
	content, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "jwtsunset"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"data", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		giveAway(t, filepath.Join(root, dir))
	}
	return root
}

// giveAway makes the image's user own a folder and what is in it. Without root the user that the program becomes is the
// one that owns it already.
func giveAway(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// inside runs the image's binary to its end and demands an exit code.
func inside(t *testing.T, root string, code int, args ...string) []byte {
	t.Helper()
	cmd := chrooted(t.Context(), t, root, args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running %v in an empty file system: %v", args, err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%v in an empty file system ended with code %d, want %d:\n%s", args, got, code, out)
	}
	return out
}

// chrooted is the binary as the image runs it: its folder is /data, and its environment is empty. Root changes the
// root and the user; anybody else needs a user namespace to do the same.
func chrooted(ctx context.Context, t *testing.T, root string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, "/jwtsunset", args...)
	cmd.Dir, cmd.Env = "/data", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		openWay(t, root)
		return cmd
	}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
	return cmd
}

// openWay lets the image's user into the root itself, which t.TempDir keeps to its owner.
func openWay(t *testing.T, root string) {
	t.Helper()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
}
