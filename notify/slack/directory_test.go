package slack

import (
	"net/http"
	"strings"
	"testing"

	slackgo "github.com/slack-go/slack"

	"jwtsunset/notify"
	sim "jwtsunset/simulator/slack"
)

func TestByEmail(t *testing.T) {
	w, c := workspace(t, sim.Options{Clock: fixed})
	c.options.Clock = fixed
	for address, want := range map[string]notify.Person{
		"lin@example.com": {
			ID: "U0LIN00001", Standing: notify.StandingActive, Locale: "zh-TW", Zone: "Asia/Taipei", Offset: 8 * 3600,
		},
		"JAN@Example.com ":           {ID: "U0JAN00001", Standing: notify.StandingActive, Locale: "de-DE", Zone: "Europe/Berlin", Offset: 7200},
		"gone@example.com":           {Standing: notify.StandingNotFound},
		"nobody@example.com":         {Standing: notify.StandingNotFound},
		"stranger@elsewhere.example": {Standing: notify.StandingNotFound},
		"no address":                 {Standing: notify.StandingNotFound},
		"":                           {Standing: notify.StandingNotFound},
	} {
		got, err := c.ByEmail(t.Context(), address)
		if err != nil {
			t.Error(err)
		}
		want.Identity, want.CheckedAt = strings.ToLower(strings.TrimSpace(address)), start
		if got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", address, got, want)
		}
	}
	for address, standing := range map[string]notify.Standing{
		"deploy@example.com": notify.StandingBot, "guest@agency.example": notify.StandingGuest,
		"partner@agency.example": notify.StandingGuest,
	} {
		got, err := c.ByEmail(t.Context(), address)
		if got.Standing != standing || err != nil {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
	}
	if n := called(w, methodAuthTest); n != 1 {
		t.Errorf("auth.test was called %d times", n)
	}
}

// Two accounts have one address: nobody is told, or always the one whose address it is.
func TestTwoUsersWithOneAddress(t *testing.T) {
	_, c := workspace(t, sim.Options{})
	first, err := c.ByEmail(t.Context(), "kim@example.com")
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.ByEmail(t.Context(), "Kim@Example.com")
	if err != nil {
		t.Fatal(err)
	}
	if first.Identity != second.Identity || first.ID != second.ID {
		t.Errorf("%+v and %+v", first, second)
	}
}

func TestByID(t *testing.T) {
	_, c := workspace(t, sim.Options{})
	for id, standing := range map[string]notify.Standing{
		"U0ANA00001": notify.StandingActive, "U0GONE0001": notify.StandingDeactivated, "U0DEPLOY01": notify.StandingBot,
		"U0GUEST001": notify.StandingGuest, "U0STRANGER": notify.StandingExternal, "USLACKBOT": notify.StandingBot,
		"U0NOBODY01": notify.StandingNotFound, "ana": notify.StandingNotFound, "": notify.StandingNotFound,
	} {
		got, err := c.ByID(t.Context(), id)
		if err != nil || got.Standing != standing || got.Identity != "id:"+id {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
		if found := got.Standing != notify.StandingNotFound; found != (got.ID == id && id != "") {
			t.Errorf("%s: id %q", id, got.ID)
		}
	}
}

func TestStanding(t *testing.T) {
	us := identity{team: "T01"}
	grid := identity{team: "T01", enterprise: "E01"}
	everywhere := identity{team: "E01", enterprise: "E01"}
	for name, test := range map[string]struct {
		user slackgo.User
		who  identity
		want notify.Standing
	}{
		"ours":               {slackgo.User{TeamID: "T01"}, us, notify.StandingActive},
		"no team":            {slackgo.User{}, us, notify.StandingExternal},
		"other team":         {slackgo.User{TeamID: "T02"}, us, notify.StandingExternal},
		"stranger":           {slackgo.User{TeamID: "T01", IsStranger: true}, us, notify.StandingExternal},
		"deleted bot":        {slackgo.User{TeamID: "T01", Deleted: true, IsBot: true}, us, notify.StandingDeactivated},
		"workflow":           {slackgo.User{TeamID: "T01", IsWorkflowBot: true}, us, notify.StandingBot},
		"connector":          {slackgo.User{TeamID: "T01", IsConnectorBot: true}, us, notify.StandingBot},
		"Slackbot":           {slackgo.User{ID: "USLACKBOT", TeamID: "T01"}, us, notify.StandingBot},
		"guest":              {slackgo.User{TeamID: "T01", IsRestricted: true}, us, notify.StandingGuest},
		"guest of a channel": {slackgo.User{TeamID: "T01", IsUltraRestricted: true}, us, notify.StandingGuest},
		"guest elsewhere":    {slackgo.User{TeamID: "T02", IsRestricted: true}, us, notify.StandingExternal},
		"invited":            {slackgo.User{TeamID: "T01", IsInvitedUser: true}, us, notify.StandingNotFound},
		"grid, member":       {slackgo.User{TeamID: "T02", Enterprise: slackgo.EnterpriseUser{EnterpriseID: "E01", Teams: []string{"T02", "T01"}}}, grid, notify.StandingActive},
		"grid, not member":   {slackgo.User{TeamID: "T02", Enterprise: slackgo.EnterpriseUser{EnterpriseID: "E01", Teams: []string{"T02"}}}, grid, notify.StandingExternal},
		"whole organization": {slackgo.User{TeamID: "T02", Enterprise: slackgo.EnterpriseUser{EnterpriseID: "E01"}}, everywhere, notify.StandingActive},
		"other organization": {slackgo.User{TeamID: "T02", Enterprise: slackgo.EnterpriseUser{EnterpriseID: "E02"}}, everywhere, notify.StandingExternal},
	} {
		if got := standing(&test.user, test.who); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// directoryOf answers look-ups by e-mail and by id with these users.
func directoryOf(t *testing.T, byEmail, byID string) *Client {
	t.Helper()
	return answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, methodAuthTest):
			reply(w, 200, `{"ok":true,"team_id":"T01","user_id":"U09"}`)
		case strings.HasSuffix(r.URL.Path, methodUserEmail):
			reply(w, 200, byEmail)
		default:
			reply(w, 200, byID)
		}
	})
}

// Nobody is told who is not certain to be the person meant.
func TestDoubtfulAnswers(t *testing.T) {
	user := func(id, address, more string) string {
		return `{"ok":true,"user":{"id":"` + id + `","team_id":"T01","profile":{"email":"` + address + `"}` + more + `}}`
	}
	right := user("U01", "Ana@Example.com", "")
	for name, test := range map[string]struct {
		byEmail, byID string
		want          notify.Standing
	}{
		"right":           {right, right, notify.StandingActive},
		"another address": {user("U01", "ana@example.org", ""), right, notify.StandingAmbiguous},
		"look-alike":      {user("U01", "ana@example.com\\u200b", ""), right, notify.StandingAmbiguous},
		"no address":      {user("U01", "", ""), right, notify.StandingAmbiguous},
		"changed since":   {right, user("U01", "bob@example.com", ""), notify.StandingAmbiguous},
		"gone since":      {right, `{"ok":false,"error":"user_not_found"}`, notify.StandingNotFound},
		"left since":      {right, user("U01", "ana@example.com", `,"deleted":true`), notify.StandingDeactivated},
		"not visible":     {`{"ok":false,"error":"user_not_visible"}`, right, notify.StandingNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logs{}
			c := directoryOf(t, test.byEmail, test.byID)
			c.log = log.logger()
			got, err := c.ByEmail(t.Context(), "ana@example.com")
			if err != nil || got.Standing != test.want || test.want == notify.StandingAmbiguous && got.ID != "" {
				t.Errorf("%+v, %v", got, err)
			}
			if logged := strings.Contains(log.String(), "not the account's own"); logged != (test.want == notify.StandingAmbiguous) {
				t.Errorf("log %s", log)
			}
			if strings.Contains(log.String(), "@") {
				t.Errorf("an address is in the log: %s", log)
			}
		})
	}
	for name, answers := range map[string][2]string{
		"another account": {right, user("U02", "ana@example.com", "")},
		"no id":           {user("", "ana@example.com", ""), right},
		"no user":         {`{"ok":true}`, right},
	} {
		_, err := directoryOf(t, answers[0], answers[1]).ByEmail(t.Context(), "ana@example.com")
		if failed(t, err, notify.Later, ReasonMalformed); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	mike := user("U01", "mike@example.com", "")
	kelvin, err := directoryOf(t, mike, mike).ByEmail(t.Context(), "mi\u212ae@example.com")
	if err != nil || kelvin.Standing != notify.StandingAmbiguous {
		t.Errorf("a Kelvin sign counts as k: %+v, %v", kelvin, err)
	}
}

func TestLocaleAndZone(t *testing.T) {
	for _, test := range []struct{ locale, zone, wantLocale, wantZone string }{
		{"zh-TW", "Asia/Taipei", "zh-TW", "Asia/Taipei"},
		{"en_GB", "Etc/GMT+5", "en_GB", "Etc/GMT+5"},
		{"../../etc", "../../etc/passwd", "", ""},
		{"", "", "", ""},
		{"<!channel>", strings.Repeat("x", 100), "", ""},
	} {
		c := directoryOf(t, "", `{"ok":true,"user":{"id":"U01","team_id":"T01","locale":"`+test.locale+`","tz":"`+test.zone+`"}}`)
		got, err := c.ByID(t.Context(), "U01")
		if err != nil || got.Locale != test.wantLocale || got.Zone != test.wantZone {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestDirectoryIsDown(t *testing.T) {
	w, c := workspace(t, sim.Options{})
	w.Down(true)
	_, err := c.ByEmail(t.Context(), "ana@example.com")
	failed(t, err, notify.Later, ReasonServerError)
	w.Down(false)
	fault(t, w, "method=users.info,kind=500")
	_, err = c.ByEmail(t.Context(), "ana@example.com")
	failed(t, err, notify.Later, ReasonServerError)
}

func TestWrongWorkspace(t *testing.T) {
	_, c := workspace(t, sim.Options{})
	c.options.Team = "T0OTHER"
	_, err := c.ByEmail(t.Context(), "ana@example.com")
	if f := failed(t, err, notify.Operator, ReasonWrongWorkspace); f.Hint == "" {
		t.Error("nothing says what to do")
	}
	c.options.Team = sim.TeamID
	if _, err := c.ByEmail(t.Context(), "ana@example.com"); err != nil {
		t.Error(err)
	}
}
