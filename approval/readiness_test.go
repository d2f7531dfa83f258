package approval

import (
	"testing"
	"time"

	"jwtsunset/credential"
)

// TestJudge works out verdicts around every limit, to the nanosecond.
func TestJudge(t *testing.T) {
	const rest, maxAge = 48 * time.Hour, time.Hour
	j := Judgement{Rest: rest, MaxAge: maxAge}
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	var never time.Time
	good := Evidence{Read: noon, JWTUsed: ago(rest), OAuthUsed: ago(time.Hour)}
	read := func(d time.Duration) Evidence { e := good; e.Read = ago(d); return e }
	used := func(jwt, oauth time.Time) Evidence { return Evidence{Read: noon, JWTUsed: jwt, OAuthUsed: oauth} }
	tests := []struct {
		name     string
		evidence Evidence
		want     Verdict
	}{
		{"ready", good, VerdictReady},
		{"nothing could be read", Evidence{JWTUsed: good.JWTUsed, OAuthUsed: good.OAuthUsed}, VerdictUnknown},
		{"as old as it may be", read(maxAge), VerdictReady},
		{"a moment too old", read(maxAge + 1), VerdictStale},
		{"read years ago", read(1 << 62), VerdictStale},
		{"another clock is a little ahead", read(-clockTolerance), VerdictReady},
		{"another clock is too far ahead", read(-clockTolerance - 1), VerdictStale},
		{"no use is on record", used(never, never), VerdictNeverSeen},
		{"OAuth was never seen", used(ago(rest), never), VerdictNeverSeen},
		{"OAuth was never seen, and JWT just now", used(noon, never), VerdictNeverSeen},
		{"nothing tells when JWT was used", used(never, noon), VerdictUnknown},
		{"JWT has rested for just long enough", used(ago(rest), noon), VerdictReady},
		{"JWT has rested for a moment too short", used(ago(rest-1), noon), VerdictStillInUse},
		{"JWT was used in the time to come", used(ago(-time.Hour), ago(-2*time.Hour)), VerdictStillInUse},
		{"JWT just after OAuth", used(ago(rest), ago(rest+1)), VerdictStillInUse},
		{"JWT and OAuth at once", used(ago(rest), ago(rest)), VerdictStillInUse},
		{"OAuth just after JWT", used(ago(rest), ago(rest-1)), VerdictReady},
		{"OAuth long ago, JWT longer", used(ago(1<<62), ago(1<<61)), VerdictReady},
		{"too old goes before what it says", Evidence{Read: ago(2 * maxAge)}, VerdictStale},
	}
	console := credential.Credential{Kind: credential.DeveloperConsole}
	query := credential.Credential{Kind: credential.QueryService}
	for _, test := range tests {
		for _, zone := range []*time.Location{time.UTC, time.FixedZone("", -7*3600)} {
			if got := j.Judge(MethodConsole, console, test.evidence, noon.In(zone)); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
			if got := j.Judge(MethodConsole, query, test.evidence, noon.In(zone)); got != test.want {
				t.Errorf("%s, Query Service by the Console: %s, want %s", test.name, got, test.want)
			}
			if got := j.Judge(MethodGuided, console, test.evidence, noon.In(zone)); got != test.want {
				t.Errorf("%s, Console by a person: %s, want %s", test.name, got, test.want)
			}
		}
		for _, m := range []Method{MethodQueryService, MethodGuided} {
			if got := j.Judge(m, query, test.evidence, noon); got != VerdictNotNeeded {
				t.Errorf("%s, Query Service by %s: %s", test.name, m, got)
			}
		}
		for _, m := range []Method{"", "burn"} {
			if got := j.Judge(m, query, test.evidence, noon); got != test.want {
				t.Errorf("%s, by the method %q, which nobody knows: %s, want %s", test.name, m, got, test.want)
			}
		}
	}
	if got := (Judgement{}).Judge(MethodConsole, console, Evidence{Read: ago(1), JWTUsed: ago(2), OAuthUsed: ago(1)}, noon); got != VerdictStale {
		t.Errorf("without limits: %s", got)
	}
	for v, want := range map[Verdict]bool{
		VerdictReady: true, VerdictNotNeeded: true, VerdictStillInUse: false, VerdictNeverSeen: false, VerdictStale: false,
		VerdictUnknown: false, "": false,
	} {
		if v.Safe() != want {
			t.Errorf("%q is safe: %v", v, v.Safe())
		}
	}
}
