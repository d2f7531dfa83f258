package main

import (
	"os"
	"path/filepath"
	"strings"
)

// The commands that read and write the store, and nothing of Adobe.

func (v *vault) history() {
	v.configured("scan", exitLeft, "scan")
	for _, format := range []string{"table", "json", "csv"} {
		v.configured("good", exitDone, "history", "--changes", "-o", format)
		v.configured("good", exitDone, "history", "--burn-down", "-o", format)
	}
	v.wantInPlay()
	v.wantSeen(v.plainName(), "good: stdout")
	v.configured("unknown", exitError, "history", "000000000000000000000000")
	v.badly(6, "history")
}

// scanned makes a store with an audit log, and learns its key.
func (v *vault) scannedOnce() {
	v.t.Helper()
	v.configured("scan", exitLeft, "scan")
	v.files("after a scan")
	v.wantInPlay()
}

func (v *vault) auditVerify() {
	v.scannedOnce()
	for _, format := range []string{"text", "json"} {
		v.configured("good", exitDone, "audit", "verify", "-o", format)
	}
	v.wantSeen("public key:", "good: stdout")
	key := v.database() + ".audit-key"
	v.configured("the private key for the public one", exitError, "audit", "verify", "--key", key)
	private, err := os.ReadFile(key)
	if err != nil {
		v.t.Fatal(err)
	}
	v.inside("the private key as it is", exitError, "audit", "verify", "--key", strings.TrimSpace(string(private)))
	v.configured("the private key for a checkpoint", exitError, "audit", "verify", "--checkpoint", key)
	v.configured("the private key for an export", exitPartial, "audit", "verify", key)
	v.badKeys("audit", "verify")
	v.badly(6, "audit", "verify")
}

// badKeys runs a command with key files that are of no use.
func (v *vault) badKeys(command ...string) {
	v.t.Helper()
	key := v.database() + ".audit-key"
	private, err := os.ReadFile(key)
	if err != nil {
		v.t.Fatal(err)
	}
	for what, content := range map[string]string{
		"a key that is cut":    string(private[:len(private)-9]),
		"a key and more":       string(private) + string(private),
		"another kind of file": v.canaries[rightSecret].value + "\n",
	} {
		v.configured(what, -1, append(command, "--audit.key-file="+v.keep("bad.audit-key.text", content))...)
	}
	open := v.keep("open.audit-key.text", string(private))
	if err := os.Chmod(open, 0o644); err != nil { // the mistake that is tried here
		v.t.Fatal(err)
	}
	v.configured("a key that others can read", -1, append(command, "--audit.key-file="+open)...)
}

func (v *vault) auditExport() {
	v.scannedOnce()
	folder := filepath.Join(v.dir, "export")
	v.configured("good", exitDone, "audit", "export", folder, "--format=csv")
	v.configured("there already", exitError, "audit", "export", folder)
	v.configured("good", exitDone, "audit", "verify", folder)
	v.files("export")
	v.wantSeen("audit-exported", "file entries.jsonl", "file entries.csv")
	v.badKeys("audit", "export", filepath.Join(v.dir, "another"))
	v.badly(6, "audit", "export")
}

func (v *vault) auditCheckpoint() {
	v.scannedOnce()
	for _, format := range []string{"text", "json"} {
		v.configured("good", exitDone, "audit", "checkpoint", "-o", format)
	}
	v.badly(6, "audit", "checkpoint")
}

func (v *vault) auditRotateKey() {
	v.scannedOnce()
	v.configured("good", exitDone, "audit", "rotate-key")
	v.files("after the change")
	v.configured("good", exitDone, "audit", "verify")
	v.badKeys("audit", "rotate-key")
	v.badly(6, "audit", "rotate-key")
}

func (v *vault) auditReplaceKey() {
	v.scannedOnce()
	v.configured("not lost", exitError, "audit", "replace-key", "--yes")
	if err := os.Remove(v.database() + ".audit-key"); err != nil {
		v.t.Fatal(err)
	}
	v.configured("good", exitDone, "audit", "replace-key", "--yes")
	v.files("after the change")
	v.badKeys("audit", "replace-key", "--yes")
	v.badly(6, "audit", "replace-key", "--yes")
}

func (v *vault) auditPeople() {
	v.scannedOnce()
	for _, format := range []string{"text", "json"} {
		v.configured("good", exitDone, "audit", "people", "-o", format)
	}
	v.badly(6, "audit", "people")
}

func (v *vault) auditForget() {
	v.scannedOnce()
	v.configured("unknown", exitError, "audit", "forget", "p-0000000000000000")
	v.configured("a secret for an id", exitError, "audit", "forget", "nobody")
	v.badKeys("audit", "forget", "p-0000000000000000")
	v.badly(6, "audit", "forget", "p-0000000000000000")
}

// storeCommand runs one that has no failures of its own.
func (v *vault) storeCommand(args ...string) {
	v.scannedOnce()
	command := append([]string{"store"}, args...)
	v.configured("good", exitDone, command...)
	v.badKeys(command...)
	for name, text := range v.stores() {
		v.configure(text)
		v.configured(name, -1, command...)
	}
	v.configure(v.good)
	v.badly(6, command...)
}

func (v *vault) storeCopy() {
	v.scannedOnce()
	v.configured("good", exitDone, "store", "copy", "--to", "sqlite:"+v.path("copy.db"))
	v.configured("not empty", exitError, "store", "copy", "--to", "sqlite:"+v.path("copy.db"))
	address := "postgres://jwtsunset:" + v.canaries[inlineSecret].value + "@127.0.0.1:1/jwtsunset"
	v.inside("a password in an argument", exitError, "store", "copy", "--to", address)
	v.configured("nobody there", exitError, "store", "copy", "--to-file", v.path("store-address"))
	v.configured("nobody there", exitError, "store", "copy", "--to-env", "STORE_ADDRESS")
	v.configured("not an address", exitError, "store", "copy", "--to-env", "BROKEN_ADDRESS")
	v.badly(6, "store", "copy", "--to", "sqlite:"+v.path("another.db"))
}
