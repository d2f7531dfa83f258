package approval

import (
	"slices"
	"strings"
	"testing"

	"jwtsunset/credential"
)

// TestMatches compares patterns with texts: capitals and the slash are nothing special, and what cannot be read matches.
func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"prod", "prod", true}, {"prod", "PROD", true}, {"PROD", "prod", true}, {"prod", "prod2", false},
		{"prod*", "prod-eu/west", true}, {"*west", "prod-eu/west", true}, {"prod/?", "prod/1", true}, {"prod?1", "prod/1", true},
		{"a/b", "a/b", true}, {"a/b", "axb", false}, {"*/*", "a/b", true}, {"*/*", "ab", false}, {"[/]", "/", true},
		{"[a-c]x", "Bx", true}, {"[^a]x", "ax", false}, {`\*`, "*", true}, {`\*`, "x", false}, {"*", "", true}, {"", "", true},
		{"", "x", false}, {"é", "é", true}, {"É", "é", false}, {"?", "é", true}, {"\u212a", "k", false},
	}
	for _, test := range tests {
		if got := matches(test.pattern, test.text); got != test.want {
			t.Errorf("%q, %q: %v", test.pattern, test.text, got)
		}
	}
	for _, bad := range []string{"[", "[a", "[a-", "a[", "*[", "x[]", "[]a]", "[-]", "[x-]", `a\`, "[^", `[\`, "[^]"} {
		for _, text := range []string{"", "x", "prod", "ab", "/", strings.Repeat("z", 1000)} {
			if !matches(bad, text) {
				t.Errorf("%q cannot be read, and does not match %q", bad, text)
			}
		}
	}
}

// TestRequiredFor counts who must approve: rules only ever ask for more.
func TestRequiredFor(t *testing.T) {
	tests := []struct {
		name      string
		required  int
		rules     []SandboxRule
		sandboxes []string
		want      int
	}{
		{"nothing said", 0, nil, []string{"prod"}, 1},
		{"nonsense", -3, nil, nil, 1},
		{"two", 2, nil, nil, 2},
		{"a rule", 1, []SandboxRule{{"prod*", 3}}, []string{"dev", "PROD-eu"}, 3},
		{"a rule for others", 1, []SandboxRule{{"prod*", 3}}, []string{"dev"}, 1},
		{"a rule that asks for less", 2, []SandboxRule{{"*", 1}}, []string{"dev"}, 2},
		{"several rules", 1, []SandboxRule{{"*", 2}, {"prod", 4}, {"*", 3}}, []string{"prod"}, 4},
		{"several sandboxes", 1, []SandboxRule{{"a", 2}, {"b", 3}}, []string{"b", "a"}, 3},
		{"a rule that cannot be read", 1, []SandboxRule{{"[prod", 2}}, []string{"dev"}, 2},
		{"no sandbox", 1, []SandboxRule{{"*", 2}}, nil, 1},
		{"a sandbox without a name", 1, []SandboxRule{{"*", 2}}, []string{""}, 2},
	}
	for _, test := range tests {
		p := &Policy{Required: test.required, Sandboxes: test.rules}
		if got := p.RequiredFor(credential.Credential{Sandboxes: test.sandboxes}); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestGuard looks for each reason why a credential must not be touched.
func TestGuard(t *testing.T) {
	tests := []struct {
		name   string
		deny   []DenyRule
		change func(*Subject)
		denied bool
	}{
		{"nothing", nil, nil, false},
		{"a rule without anything", []DenyRule{{Reason: "all"}}, nil, false},
		{"by id", []DenyRule{{Credential: "5f1c0a"}}, nil, true},
		{"by the beginning of an id", []DenyRule{{Credential: "5f1c"}}, nil, false},
		{"by a pattern", []DenyRule{{Credential: "5F*"}}, nil, true},
		{"by name", []DenyRule{{Name: "LOOKER"}}, nil, true},
		{"by a name with a slash", []DenyRule{{Name: "bi/*"}}, func(s *Subject) { s.Credential.Name = "BI/looker/eu" }, true},
		{"by project name", []DenyRule{{Project: "bi"}}, nil, true},
		{"by project id", []DenyRule{{Project: "42"}}, func(s *Subject) { s.Credential.Console.ProjectID = "42" }, true},
		{"by sandbox", []DenyRule{{Sandbox: "prod"}}, nil, true},
		{"by one of several sandboxes", []DenyRule{{Sandbox: "Dev"}}, func(s *Subject) {
			s.Credential.Sandboxes = []string{"prod", "dev"}
		}, true},
		{"no sandbox", []DenyRule{{Sandbox: "*"}}, func(s *Subject) { s.Credential.Sandboxes = nil }, false},
		{"all must match: they do", []DenyRule{{Name: "looker", Sandbox: "prod", Project: "bi", Credential: "*"}}, nil, true},
		{"all must match: one does not", []DenyRule{{Name: "looker", Sandbox: "dev"}}, nil, false},
		{"a pattern that cannot be read", []DenyRule{{Name: "[x"}}, nil, true},
		{"the last rule", []DenyRule{{Name: "x"}, {}, {Name: "looker"}}, nil, true},
		{"read-only", nil, func(s *Subject) { s.Credential.Console.ReadOnly = true }, true},
		{"a project of people", nil, func(s *Subject) { s.ProjectType = "jaeger" }, false},
		{"no type of project was read", nil, func(s *Subject) { s.ProjectType = "" }, false},
		{"a trial", nil, func(s *Subject) { s.ProjectType = "trial" }, true},
		{"a type in capitals is another one", nil, func(s *Subject) { s.ProjectType = "Default" }, true},
		{"a type nobody knows", nil, func(s *Subject) { s.ProjectType = " " }, true},
	}
	for _, test := range tests {
		s := testSubject()
		if test.change != nil {
			test.change(&s)
		}
		for i := range test.deny {
			test.deny[i].Reason = "not this one"
		}
		refusal := (&Policy{Deny: test.deny}).Guard(s)
		if (refusal != nil) != test.denied {
			t.Errorf("%s: %v", test.name, refusal)
			continue
		}
		if refusal == nil {
			continue
		}
		if refusal.Reason != RefusedGuarded || refusal.Hint == "" || len(test.deny) > 0 && !strings.Contains(refusal.Text, "not this one") {
			t.Errorf("%s: %+v", test.name, refusal)
		}
	}
}

// TestMigratable looks for each reason why there is nothing to do.
func TestMigratable(t *testing.T) {
	tests := []struct {
		name   string
		change func(*credential.Credential)
		want   RefusalReason
	}{
		{"to be migrated", func(*credential.Credential) {}, ""},
		{"half migrated", func(c *credential.Credential) { c.AuthMethod = credential.AuthBoth }, ""},
		{"nothing tells", func(c *credential.Credential) {
			c.AuthMethod, c.Eligible = credential.AuthUnknown, credential.EligibleUnknown
		}, ""},
		{"not active", func(c *credential.Credential) { c.Active = false }, ""},
		{"gone", func(c *credential.Credential) { c.Presence = credential.Gone }, RefusedNothing},
		{"on OAuth", func(c *credential.Credential) { c.AuthMethod = credential.AuthOAuth }, RefusedNothing},
		{"on OAuth and excluded", func(c *credential.Credential) { c.AuthMethod, c.Excluded = credential.AuthOAuth, "rule" }, RefusedNothing},
		{"excluded", func(c *credential.Credential) { c.Excluded = "rule" }, RefusedGuarded},
		{"not eligible", func(c *credential.Credential) { c.Eligible = credential.EligibleNo }, RefusedNothing},
	}
	for _, test := range tests {
		c := testSubject().Credential
		test.change(&c)
		refusal := Migratable(c)
		if got := reasonOf(refusal); got != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func reasonOf(r *Refusal) RefusalReason {
	if r == nil {
		return ""
	}
	return r.Reason
}

// TestMethodFor finds the method for each kind, and none where none fits.
func TestMethodFor(t *testing.T) {
	console := credential.Console{IntegrationID: "77"}
	tests := []struct {
		name    string
		methods map[credential.Kind]Method
		c       credential.Credential
		want    Method
	}{
		{"Query Service", map[credential.Kind]Method{credential.QueryService: MethodGuided},
			credential.Credential{Kind: credential.QueryService}, MethodGuided},
		{"both know it", map[credential.Kind]Method{
			credential.QueryService: MethodQueryService, credential.DeveloperConsole: MethodConsole,
		}, credential.Credential{Kind: credential.QueryService, Console: console}, MethodQueryService},
		{"Console", map[credential.Kind]Method{credential.DeveloperConsole: MethodConsole},
			credential.Credential{Kind: credential.DeveloperConsole, Console: console}, MethodConsole},
		{"the Console does not know it", map[credential.Kind]Method{credential.QueryService: MethodConsole},
			credential.Credential{Kind: credential.QueryService}, ""},
		{"nothing configured", nil, credential.Credential{Kind: credential.QueryService}, ""},
		{"no method configured", map[credential.Kind]Method{credential.QueryService: ""},
			credential.Credential{Kind: credential.QueryService}, ""},
		{"a kind nobody knows", map[credential.Kind]Method{credential.QueryService: MethodGuided}, credential.Credential{Kind: "x"}, ""},
	}
	for _, test := range tests {
		got, refusal := (&Policy{Methods: test.methods}).MethodFor(test.c)
		if got != test.want || (got == "") != (reasonOf(refusal) == RefusedMethod) {
			t.Errorf("%s: %q, %v", test.name, got, refusal)
		}
	}
}

// TestNewID sees that ids are long and never the same.
func TestNewID(t *testing.T) {
	var ids []string
	for range 1000 {
		ids = append(ids, NewID())
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 1000 || len(ids[0]) != 32 {
		t.Errorf("ids like %s", ids[0])
	}
	if r := Refuse(RefusedTooEarly, "wait", "%d minutes", 5); r.Error() != "5 minutes" || r.Hint != "wait" || r.Reason != RefusedTooEarly {
		t.Errorf("%+v", r)
	}
}
