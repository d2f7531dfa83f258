package notify

import (
	"errors"
	"testing"

	"jwtsunset/credential"
)

// TestAccept checks every limit on answers at its edge.
func TestAccept(t *testing.T) {
	now := "2025-06-01T12:00:00Z"
	snoozed := Answer{Kind: AnswerSnooze}
	owner := credential.Owner{AssignedTo: ana, CreatedBy: ben}
	tests := map[string]struct {
		kind      AnswerKind
		until     string
		candidate string
		before    []Answer
		owner     credential.Owner
		method    credential.AuthMethod
		accepted  bool
		want      string // candidate
	}{
		"a snooze":                  {kind: AnswerSnooze, until: "2025-06-02T12:00:00Z", accepted: true},
		"the longest snooze":        {kind: AnswerSnooze, until: "2025-06-15T12:00:00Z", accepted: true},
		"a longer snooze":           {kind: AnswerSnooze, until: "2025-06-15T12:00:01Z"},
		"a snooze that is over":     {kind: AnswerSnooze, until: now},
		"the last snooze":           {kind: AnswerSnooze, until: "2025-06-02T12:00:00Z", before: []Answer{snoozed, {Kind: AnswerBlocked}}, accepted: true},
		"one snooze too many":       {kind: AnswerSnooze, until: "2025-06-02T12:00:00Z", before: []Answer{snoozed, snoozed}},
		"snoozes do not bar others": {kind: AnswerRetire, until: "2025-06-02T12:00:00Z", before: []Answer{snoozed, snoozed}, accepted: true},
		"a promise for today":       {kind: AnswerWillMigrate, until: "2025-06-01T00:00:00Z", accepted: true},
		"a promise for yesterday":   {kind: AnswerWillMigrate, until: "2025-05-31T00:00:00Z"},
		"the longest promise":       {kind: AnswerWillMigrate, until: "2025-08-30T12:00:00Z", accepted: true},
		"a longer promise":          {kind: AnswerWillMigrate, until: "2025-08-30T12:00:01Z"},
		"a review":                  {kind: AnswerBlocked, until: "2025-08-30T12:00:00Z", accepted: true},
		"a review too far ahead":    {kind: AnswerRetire, until: "2025-08-31T12:00:00Z"},
		"a review without a date":   {kind: AnswerBlocked, until: "0001-01-01T00:00:00Z"},
		"migrated":                  {kind: AnswerSnooze, until: "2025-06-02T12:00:00Z", method: credential.AuthOAuth},
		"not mine":                  {kind: AnswerNotMine, owner: owner, accepted: true, want: ana},
		"nor theirs":                {kind: AnswerNotMine, owner: owner, before: []Answer{{Kind: AnswerNotMine, Candidate: ana}}, accepted: true, want: ben},
		"nobody left":               {kind: AnswerNotMine, owner: owner, before: []Answer{{Kind: AnswerNotMine, Candidate: ana}, {Kind: AnswerNotMine, Candidate: ben}}},
		"nobody named":              {kind: AnswerNotMine},
		"not theirs, by name":       {kind: AnswerNotMine, candidate: " BEN@example.com", owner: owner, accepted: true, want: ben},
		"not mine of what is moved": {kind: AnswerNotMine, owner: owner, method: credential.AuthOAuth},
	}
	p := slackPolicy(operator{})
	for name, test := range tests {
		c := credential.Credential{ID: "C1", AuthMethod: test.method, Owner: test.owner}
		a := Answer{Kind: test.kind, Candidate: test.candidate}
		if test.until != "" {
			a.Until = instant(t, test.until)
		}
		got, err := p.Accept(a, c, test.before, instant(t, now))
		if (err == nil) != test.accepted || err != nil && !errors.Is(err, ErrNotAccepted) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && got.Candidate != test.want {
			t.Errorf("%s: it rejects %q, want %q", name, got.Candidate, test.want)
		}
	}
}
