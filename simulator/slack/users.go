package slack

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// User is one member of the workspace, or someone from elsewhere who is seen in it.
type User struct {
	// ID is made up when it is empty.
	ID string `json:"id"`
	// TeamID is the workspace unless the user is of another.
	TeamID   string `json:"team_id"`
	Name     string `json:"name"`
	RealName string `json:"real_name"`
	Email    string `json:"email"`
	// Locale is an IETF tag such as zh-TW; empty means en-US.
	Locale string `json:"locale"`
	// TZ is an IANA name; empty means America/Los_Angeles, which is Slack's default.
	TZ string `json:"tz"`
	// Deleted is a deactivated account.
	Deleted bool `json:"deleted"`
	Bot     bool `json:"is_bot"`
	Admin   bool `json:"is_admin"`
	// Restricted is a guest, UltraRestricted one of a single channel; Stranger is of another workspace and in no channel
	// with the app.
	Restricted      bool `json:"is_restricted"`
	UltraRestricted bool `json:"is_ultra_restricted"`
	Stranger        bool `json:"is_stranger"`
}

// DefaultUsers is one of each kind: active people of several locales and time zones, a deactivated one, a bot, guests,
// a stranger, two whose addresses differ in case alone, and Slackbot, which Slack does not mark as a bot.
func DefaultUsers() []User {
	return []User{
		{ID: "U0ANA00001", Email: "ana@example.com", RealName: "Ana", Locale: "en-US", TZ: "America/Los_Angeles"},
		{ID: "U0LIN00001", Email: "lin@example.com", RealName: "林小雨", Name: "lin", Locale: "zh-TW", TZ: "Asia/Taipei"},
		{ID: "U0JAN00001", Email: "jan@example.com", RealName: "Jan", Locale: "de-DE", TZ: "Europe/Berlin"},
		{ID: "U0SORA0001", Email: "sora@example.com", RealName: "Sora", Locale: "ja-JP", TZ: "Asia/Tokyo"},
		{ID: "U0BEA00001", Email: "bea@example.com", RealName: "Bea", Locale: "en-GB", TZ: "Europe/London", Admin: true},
		{ID: "U0GONE0001", Email: "gone@example.com", RealName: "Gone", Deleted: true},
		{ID: "U0DEPLOY01", Email: "deploy@example.com", RealName: "Deploy", Name: "deploy", Bot: true},
		{ID: "U0GUEST001", Email: "guest@agency.example", RealName: "Guest", Restricted: true, UltraRestricted: true},
		{ID: "U0PARTNER1", Email: "partner@agency.example", RealName: "Partner", Restricted: true, TZ: "Europe/Paris"},
		{
			ID: "U0STRANGER", Email: "stranger@elsewhere.example", RealName: "Stranger", Stranger: true,
			TeamID: "T0ELSEWHER", TZ: "Asia/Singapore",
		},
		{ID: "U0KIM00001", Email: "kim@example.com", RealName: "Kim", TZ: "America/New_York"},
		{ID: "U0KIM00002", Email: "Kim@Example.com", RealName: "Kim the other", Name: "kim2", TZ: "Asia/Seoul"},
		{ID: "USLACKBOT", RealName: "Slackbot", Name: "slackbot"},
	}
}

func botUser(t Team) User {
	return User{ID: BotUser, TeamID: t.ID, Name: "jwtsunset", RealName: "jwtsunset", Bot: true}
}

// directory is the users by id and by address; both are looked up in constant time.
type directory struct {
	order   []string
	byID    map[string]*User
	byEmail map[string][]string
}

func newDirectory() directory {
	return directory{byID: map[string]*User{}, byEmail: map[string][]string{}}
}

func (d *directory) put(u User) {
	if old := d.byID[u.ID]; old != nil {
		key := strings.ToLower(old.Email)
		d.byEmail[key] = slices.DeleteFunc(d.byEmail[key], func(id string) bool { return id == u.ID })
	} else {
		d.order = append(d.order, u.ID)
	}
	d.byID[u.ID] = &u
	if u.Email != "" {
		key := strings.ToLower(u.Email)
		d.byEmail[key] = append(d.byEmail[key], u.ID)
	}
}

// active finds the active member of a workspace with an address: the one with exactly that, or else the first that
// differs in case alone.
func (d *directory) active(email, team string) *User {
	var found *User
	for _, id := range d.byEmail[strings.ToLower(email)] {
		u := d.byID[id]
		if u.Deleted || u.Stranger || u.TeamID != team {
			continue
		}
		if u.Email == email {
			return u
		}
		if found == nil {
			found = u
		}
	}
	return found
}

// AddUser adds a user and fills in what is left out. It fails when the id is taken or the time zone unknown.
func (w *Workspace) AddUser(u User) (User, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addUser(u)
}

func (w *Workspace) addUser(u User) (User, error) {
	if u.ID != "" && w.users.byID[u.ID] != nil {
		return User{}, fmt.Errorf("slack simulator: the user id %s is taken", u.ID)
	}
	if u.ID == "" {
		u.ID = w.nextID("U")
	}
	return w.putUser(u)
}

func (w *Workspace) putUser(u User) (User, error) {
	local, _, _ := strings.Cut(strings.ToLower(u.Email), "@")
	setDefault(&u.TeamID, w.team.ID)
	setDefault(&u.Name, local)
	setDefault(&u.RealName, u.Name)
	setDefault(&u.Locale, "en-US")
	setDefault(&u.TZ, "America/Los_Angeles")
	if _, err := time.LoadLocation(u.TZ); err != nil {
		return User{}, fmt.Errorf("slack simulator: user %s: time zone: %w", u.ID, err)
	}
	w.users.put(u)
	return u, nil
}

// SetUser replaces a user, or adds one whose id is not known.
func (w *Workspace) SetUser(u User) (User, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u.ID == "" {
		u.ID = w.nextID("U")
	}
	return w.putUser(u)
}

// Deactivate closes a user's account, as an administrator of the workspace would.
func (w *Workspace) Deactivate(id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users.byID[id]
	if u == nil {
		return fmt.Errorf("slack simulator: no user %s", id)
	}
	u.Deleted = true
	return nil
}

// Users lists everybody in the order in which they came.
func (w *Workspace) Users() []User {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]User, 0, len(w.users.order))
	for _, id := range w.users.order {
		list = append(list, *w.users.byID[id])
	}
	return list
}

// userObject is a user as Slack's answers show them. A deactivated account has no time zone there, addresses need a
// scope of their own, and those of other workspaces are not shown.
func (w *Workspace) userObject(u *User, locale bool) map[string]any {
	profile := map[string]any{
		"real_name": u.RealName, "real_name_normalized": u.RealName, "display_name": u.Name,
		"display_name_normalized": u.Name, "team": u.TeamID, "avatar_hash": "g" + strings.ToLower(u.ID),
		"status_text": "", "status_emoji": "", "image_72": "https://avatars.example/" + u.ID + ".png",
	}
	if w.granted("users:read.email") && u.Email != "" && !u.Bot && u.TeamID == w.team.ID {
		profile["email"] = u.Email
	}
	user := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "deleted": u.Deleted, "profile": profile, "is_bot": u.Bot,
		"is_app_user": false, "updated": w.clock().Unix(), "is_email_confirmed": u.Email != "" && !u.Bot,
		"who_can_share_contact_card": "EVERYONE", "color": "9f69e7", "real_name": u.RealName,
	}
	if u.Stranger {
		user["is_stranger"] = true
	}
	if u.Deleted {
		return user
	}
	w.addActive(user, u)
	if locale {
		user["locale"] = u.Locale
	}
	return user
}

// addActive adds what only accounts that are not deactivated have.
func (w *Workspace) addActive(user map[string]any, u *User) {
	zone, err := time.LoadLocation(u.TZ)
	if err != nil {
		zone = time.UTC
	}
	label, offset := w.clock().In(zone).Zone()
	user["tz"], user["tz_label"], user["tz_offset"] = u.TZ, label, offset
	user["is_admin"], user["is_owner"], user["is_primary_owner"] = u.Admin, false, false
	user["is_restricted"], user["is_ultra_restricted"] = u.Restricted || u.UltraRestricted, u.UltraRestricted
}

func usersInfo(c *call) answer {
	u := c.w.users.byID[c.arg("user")]
	if u == nil {
		return failure("user_not_found")
	}
	return success("user", c.w.userObject(u, c.flag("include_locale")))
}

// usersLookupByEmail finds active members alone. Slack documents no include_locale here, so none is shown.
func usersLookupByEmail(c *call) answer {
	u := c.w.users.active(c.arg("email"), c.w.team.ID)
	if u == nil {
		return failure("users_not_found")
	}
	return success("user", c.w.userObject(u, false))
}

// usersList asks for a limit in a large workspace, as Slack does; from which size on is not documented.
func usersList(c *call) answer {
	const manageable = 1000
	all := c.w.users.order
	if !c.has("limit") && len(all) > manageable {
		return failure("limit_required")
	}
	page, next, refused := paged(c, all, manageable, 1000)
	if refused != nil {
		return *refused
	}
	members := make([]any, 0, len(page))
	for _, id := range page {
		members = append(members, c.w.userObject(c.w.users.byID[id], c.flag("include_locale")))
	}
	return success("members", members, "cache_ts", c.w.clock().Unix()).cursor(next)
}
