package report

import (
	"strings"
	"time"

	"jwtsunset/credential"
)

var now = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 10, 11, 12, 345e6, time.UTC)
}

// sample is an organization with a credential of every kind and state.
func sample() Organization {
	return Organization{
		Name: "acme", IMSOrg: "1A2B3C4D5E6F7A8B0A495C12@AdobeOrg",
		Scan: &credential.Scan{
			ID: 7, Organization: "acme", Started: now.Add(-time.Hour), Finished: now.Add(-time.Hour + 3200*time.Millisecond),
			Complete: true, Announced: 6, Read: 6,
			Excluded: []credential.Exclusion{
				{What: "sandbox playground", Rule: "exclude sandboxes: play* (training)"},
				{What: "credential 5F1C2D3E65D47A1B0A495F05 (probe)", Rule: "exclude names: probe (monitoring)"},
			},
			Sandboxes: []credential.SandboxScan{
				{Name: "prod", Title: "Production", State: "active", Complete: true, Pages: 2, Accounts: 4, LastRead: now.Add(-time.Hour)},
				{Name: "dev-01", Title: "Dev 01", State: "active", Complete: true, Pages: 1, Accounts: 1, LastRead: now.Add(-time.Hour)},
				{Name: "old", State: "deleted", Skipped: "not active"},
			},
			Usage: credential.Usage{Calls: 42, Throttled: 1500 * time.Millisecond},
		},
		Credentials: []credential.Credential{
			{
				Organization: "acme", ID: "5F1C2D3E65D47A1B0A495F00", Kind: credential.QueryService, Name: "looker-prod",
				Description: "BI dashboards", Sandboxes: []string{"dev-01", "prod"}, AuthMethod: credential.AuthUnknown,
				Owner:    credential.Owner{AssignedTo: "ana@example.com", CreatedBy: "1234567890ABCDEF0A495C01@AdobeID"},
				Eligible: credential.EligibleUnknown, Active: true, Created: day(2024, 2, 20), LastUpdated: day(2024, 3, 1),
				FirstSeen: day(2026, 11, 1), Presence: credential.Present,
			},
			{
				Organization: "acme", ID: "5F1C2D3E65D47A1B0A495F01", Kind: credential.DeveloperConsole, Name: "nightly-export",
				AuthMethod: credential.AuthJWT, Eligible: credential.EligibleYes, Active: true,
				Owner: credential.Owner{CreatedBy: "1234567890ABCDEF0A495C02@AdobeID"},
				Console: credential.Console{
					IntegrationID: "456789", ProjectID: "4566206088344711111", ProjectName: "Exports", WorkspaceID: "4566206088344722222",
					WorkspaceName: "Production", ClientID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Type: credential.TypeService,
					Status: credential.MigrationNotStarted, CertificateNotAfter: day(2025, 5, 1),
				},
				Created: day(2023, 2, 20), FirstSeen: day(2026, 11, 1), LastSeen: day(2026, 11, 20), Missed: 1, Presence: credential.Present,
			},
			{
				Organization: "acme", ID: "5F1C2D3E65D47A1B0A495F02", Kind: credential.QueryService, Name: "tableau",
				Sandboxes: []string{"a", "b", "c", "d", "e"}, AuthMethod: credential.AuthBoth, Eligible: credential.EligibleYes,
				Owner:   credential.Owner{AssignedTo: "a-very-long-address-of-a-person@subsidiary.example.com"},
				Created: day(2024, 5, 5), FirstSeen: day(2026, 11, 1), Presence: credential.Present,
			},
			{
				Organization: "acme", ID: "5F1C2D3E65D47A1B0A495F03", Kind: credential.DeveloperConsole, Name: "already-moved",
				AuthMethod: credential.AuthOAuth, Eligible: credential.EligibleNo, Presence: credential.Present,
				Console: credential.Console{IntegrationID: "456790", Status: credential.MigrationCompleted},
			},
			{
				Organization: "acme", ID: "5F1C2D3E65D47A1B0A495F04", Kind: credential.QueryService, Name: "vanished",
				AuthMethod: credential.AuthUnknown, Eligible: credential.EligibleUnknown, Presence: credential.Gone,
				LastSeen: day(2026, 11, 10), GoneAt: day(2026, 11, 12), Missed: 2,
			},
			{
				Organization: "acme", ID: "5F1C2D3E65D47A1B0A495F05", Kind: credential.QueryService, Name: "probe",
				AuthMethod: credential.AuthUnknown, Eligible: credential.EligibleUnknown, Presence: credential.Present,
				Excluded: "exclude names: probe (monitoring)",
			},
		},
	}
}

// hostileTexts are texts that try to reach beyond their cell.
func hostileTexts() []string {
	return []string{
		"\x1b[31mred\x1b[0m\x1b]0;title\x07", "two\nlines\r\nand\ttabs", "evil\u202egnp.exe\u2066\u200b\ufeff",
		"bad\xff\xfeutf8\xc3", "=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1", "  =1+1", "＝1+1",
		"日本語の資格情報とても長い名前です", "👩‍👩‍👧‍👦 family 🇩🇪", "Z" + strings.Repeat("\u0301", 500) + "algo",
		"</script><!channel>&amp;", "\u0080\u009b31m c1", "del\x7f\x00nul", `quote " and , comma`, "\u2028\u2029 separators",
		strings.Repeat("long ", 4000), strings.Repeat("x", 100_000), "\U000E0041tag\uE000private", "",
	}
}

func hostile() Organization {
	o := Organization{Name: "bad\x1b[2Jorg\u202e", IMSOrg: "\x1b", Scan: &credential.Scan{Started: now, Finished: now.Add(time.Second)}}
	for i, s := range hostileTexts() {
		o.Credentials = append(o.Credentials, credential.Credential{
			Organization: o.Name, ID: "ID" + s[:min(len(s), 9)], Kind: credential.QueryService, Name: s, Description: s,
			Owner: credential.Owner{AssignedTo: s, CreatedBy: s, UpdatedBy: s}, Sandboxes: []string{s, s}, AuthMethod: credential.AuthMethod(s),
			Eligible: credential.Eligible(s), Presence: credential.Present, Created: time.Date(9999, 12, 31, 23+i, 0, 0, 0, time.UTC),
			Console: credential.Console{
				IntegrationID: s + "1", ProjectName: s, ProjectID: s, WorkspaceName: s, ClientID: s, Type: s,
				Status: credential.MigrationStatus(s), TechnicalAccountEmail: s,
			},
		})
		o.Scan.Unseen = append(o.Scan.Unseen, credential.Unseen{
			What: s, Stage: credential.StageAccounts, Reason: credential.Reason(s), Detail: s,
		})
		o.Scan.Excluded = append(o.Scan.Excluded, credential.Exclusion{What: s, Rule: s})
		o.Scan.Sandboxes = append(o.Scan.Sandboxes, credential.SandboxScan{Name: s, Title: s, State: s, Error: s})
	}
	return o
}

// partial is the sample as a scan left it that could not see everything.
func partial() Organization {
	o := sample()
	o.Name = "globex"
	for i := range o.Credentials {
		o.Credentials[i].Organization = o.Name
	}
	o.Scan.Complete, o.Scan.HeldBack = false, 1
	o.Scan.Failed = map[credential.Reason]int{credential.ReasonForbidden: 1, credential.ReasonAdminVerification: 1}
	o.Scan.Sandboxes[1] = credential.SandboxScan{
		Name: "dev-01", State: "active", Error: "403: the permission Manage Queries is missing", Reason: credential.ReasonForbidden,
		Pages: 1, LastRead: day(2026, 11, 20),
	}
	o.Scan.Unseen = []credential.Unseen{
		{
			What: "sandbox dev-01", Stage: credential.StageAccounts, Reason: credential.ReasonForbidden,
			Detail: "403: the permission Manage Queries is missing; give it to the credential's product profile",
		},
		{
			What: "sandbox prod", Stage: credential.StageAccounts, Reason: credential.ReasonAdminVerification,
			Detail: "Adobe said that AEP admin verification failed",
		},
	}
	return o
}

func empty() Organization {
	o := sample()
	o.Credentials, o.Scan.Excluded = nil, nil
	return o
}

// denied is an organization into which no look was allowed.
func denied() Organization {
	o := empty()
	o.Scan.Complete = false
	o.Scan.Unseen = []credential.Unseen{{
		What: "sandbox prod", Stage: credential.StageAccounts, Reason: credential.ReasonAdminVerification,
		Detail: "Adobe said that AEP admin verification failed",
	}}
	return o
}

func of(organizations ...Organization) Report {
	return Report{Organizations: organizations, Deadlines: credential.DefaultDeadlines(), Now: now}
}
