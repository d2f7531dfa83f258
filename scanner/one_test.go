package scanner

import (
	"fmt"
	"slices"
	"testing"

	"jwtsunset/credential"
)

// joinedBench has both sides, a credential in two sandboxes, and one scan behind it.
func joinedBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.console = joinedConsole()
	shared := makeAccount("C00000000000000000000000", day0.AddDate(0, -1, 0))
	b.platform.accounts["prod"] = append(b.platform.accounts["prod"], shared)
	b.platform.accounts["dev"] = append(b.platform.accounts["dev"], shared)
	b.scan()
	return b
}

// TestReadOneSeesWhatAScanSees reads each credential by itself: as long as nothing changes it is the one that the scan
// recorded, and what has been proved of it stays.
func TestReadOneSeesWhatAScanSees(t *testing.T) {
	b := joinedBench(t)
	for id, known := range b.store.credentials {
		known.Proof = credential.ProofAttested
		b.platform.asked = nil
		got, err := ReadOne(t.Context(), b.options(), known)
		if err != nil || !got.Equal(known) || got.Proof != known.Proof {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", id, err, got, known)
		}
	}
}

// TestReadOneSeesChanges sees what has changed since the scan.
func TestReadOneSeesChanges(t *testing.T) {
	read := func(change func(b *bench, c *credential.Credential)) credential.Credential {
		t.Helper()
		b := joinedBench(t)
		known := b.credential("A00000000000000000000000")
		change(b, &known)
		b.platform.asked = nil
		got, err := ReadOne(t.Context(), b.options(), known)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if c := read(func(b *bench, _ *credential.Credential) {
		b.console.entries[0].kind, b.console.entries[0].status = credential.TypeServerServer, credential.MigrationCompleted
	}); c.AuthMethod != credential.AuthOAuth || c.State() != credential.StateMigrated {
		t.Errorf("migrated: %+v", c)
	}
	if c := read(func(b *bench, _ *credential.Credential) { b.console.entries[0].readOnly = true }); !c.Console.ReadOnly {
		t.Errorf("read-only: %+v", c)
	}
	if c := read(func(b *bench, _ *credential.Credential) { b.platform.accounts["prod"] = nil }); len(c.Sandboxes) != 0 ||
		c.Presence != credential.Present || !c.Console.Matched() {
		t.Errorf("left Query Service: %+v", c)
	}
	if c := read(func(b *bench, _ *credential.Credential) {
		b.platform.accounts["prod"] = nil
		b.console.entries = b.console.entries[1:]
	}); c.State() != credential.StateGone {
		t.Errorf("gone: %+v", c)
	}
	if c := read(func(b *bench, known *credential.Credential) {
		shared := makeAccount(known.ID, day0)
		b.platform.accounts["dev"] = append(b.platform.accounts["dev"], shared)
		known.Sandboxes = []string{"dev", "prod"}
	}); !slices.Equal(c.Sandboxes, []string{"dev", "prod"}) {
		t.Errorf("in two sandboxes: %+v", c)
	}
}

// TestReadOneConcludesNothing gives an error where a place could not be read.
func TestReadOneConcludesNothing(t *testing.T) {
	b := joinedBench(t)
	known := b.credential("A00000000000000000000000")
	failing := func(what string, fail, mend func()) {
		t.Helper()
		fail()
		b.platform.asked = nil
		if c, err := ReadOne(t.Context(), b.options(), known); err == nil {
			t.Errorf("%s: %+v", what, c)
		}
		mend()
	}
	for _, where := range []string{"prod/1", "prod/*"} {
		failing(where, func() { b.platform.fail[where] = readError{credential.ReasonServer} },
			func() { delete(b.platform.fail, where) })
	}
	for _, stage := range []credential.Stage{
		credential.StageOrganizations, credential.StageIntegration, credential.StageStatus, credential.StageCredentials,
	} {
		failing(string(stage), func() { b.console.fail[stage] = readError{credential.ReasonForbidden} },
			func() { delete(b.console.fail, stage) })
	}
	failing("no workspace shows it", func() { b.console.hidden = map[string]bool{"1": true} },
		func() { b.console.hidden = nil })
}

// TestReadOneDoesNotMissWhatIsHidden has accounts of one time at the end of a page, of which Adobe's cursor may hide some:
// the credential is met, or nothing is concluded.
func TestReadOneDoesNotMissWhatIsHidden(t *testing.T) {
	met, unsure := 0, 0
	for size := 2; size < 6; size++ {
		for n := range 6 {
			b := joinedBench(t)
			known := b.credential("A00000000000000000000000")
			var list []credential.Account
			for i := range 6 {
				list = append(list, makeAccount(fmt.Sprintf("B0000000000000000000000%d", i), day0))
			}
			list[n] = makeAccount(known.ID, day0)
			b.platform.pageSize, b.platform.accounts["prod"], b.platform.asked = size, list, nil
			switch c, err := ReadOne(t.Context(), b.options(), known); {
			case err != nil:
				unsure++
			case slices.Contains(c.Sandboxes, "prod"):
				met++
			default:
				t.Errorf("page of %d, number %d: it counts as not listed", size, n)
			}
		}
	}
	if met == 0 || unsure == 0 {
		t.Errorf("met %d times, unsure %d times", met, unsure)
	}
}
