package slack

import "slices"

// UserGroup is a group of users that can be mentioned as one.
type UserGroup struct {
	ID     string   `json:"id"`
	Handle string   `json:"handle"`
	Name   string   `json:"name"`
	Users  []string `json:"users"`
	// Disabled is a group that was switched off.
	Disabled bool `json:"disabled"`
}

// DefaultGroups is one group in use and one that is disabled.
func DefaultGroups() []UserGroup {
	return []UserGroup{
		{ID: "S0OWNERS01", Handle: "owners", Name: "Owners", Users: []string{"U0ANA00001", "U0LIN00001"}},
		{ID: "S0FORMER01", Handle: "former-owners", Name: "Former owners", Users: []string{"U0GONE0001"}, Disabled: true},
	}
}

func usergroupsList(c *call) answer {
	list := make([]any, 0, len(c.w.groups))
	for _, g := range c.w.groups {
		if g.Disabled && !c.flag("include_disabled") {
			continue
		}
		object := map[string]any{
			"id": g.ID, "team_id": c.w.team.ID, "handle": g.Handle, "name": g.Name, "is_usergroup": true,
			"description": "", "is_external": false, "date_delete": 0, "user_count": len(g.Users),
		}
		if g.Disabled {
			object["date_delete"] = c.w.clock().Unix()
		}
		if c.flag("include_users") {
			object["users"] = g.Users
		}
		list = append(list, object)
	}
	return success("usergroups", list)
}

func usergroupsUsersList(c *call) answer {
	i := slices.IndexFunc(c.w.groups, func(g UserGroup) bool { return g.ID == c.arg("usergroup") })
	if i < 0 {
		return failure("no_such_subteam")
	}
	return success("users", slices.Clone(c.w.groups[i].Users))
}
