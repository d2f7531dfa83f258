package slack

// Need says how much a scope is needed.
type Need string

// The needs.
const (
	Needed   Need = "needed"   // nobody can be told without it
	Useful   Need = "useful"   // the manifest asks for it; what is lost without it is its Purpose
	Optional Need = "optional" // some configurations profit; the manifest does not ask for it
)

// Scope is a permission of the bot token.
type Scope struct {
	Name string
	Need Need
	// Purpose is what it is used for.
	Purpose string
}

// Scopes lists every scope that has a use here. All others are superfluous.
func Scopes() []Scope {
	return []Scope{
		{"chat:write", Needed, "to post messages and to bring them up to date"},
		{"im:write", Needed, "to write to a person in private"},
		{"users:read", Needed, "to see who is deactivated, a guest or a bot, and everyone's language and time zone"},
		{"users:read.email", Needed, "to find the owner's account by e-mail address"},
		{"im:history", Useful, "to find a private message again after a crash; without it, it may come twice"},
		{"channels:history", Useful, "to find a message in a public channel again after a crash"},
		{"groups:history", Useful, "to find a message in a private channel again after a crash"},
		{"channels:read", Useful, "to find public channels by name and to check them"},
		{"groups:read", Useful, "to find private channels by name and to check them"},
		{"chat:write.public", Optional, "to post to public channels that the app was not invited to"},
		{"usergroups:read", Optional, "to check the user groups that messages mention"},
	}
}

// methodScopes are the scopes of which each method needs one, the likeliest first.
var methodScopes = map[string][]string{
	methodPost:      {"chat:write"},
	methodUpdate:    {"chat:write"},
	methodHistory:   {"im:history", "channels:history", "groups:history"},
	methodReplies:   {"im:history", "channels:history", "groups:history"},
	methodInfo:      {"channels:read", "groups:read"},
	methodList:      {"channels:read", "groups:read"},
	methodOpen:      {"im:write"},
	methodGroups:    {"usergroups:read"},
	methodUserInfo:  {"users:read"},
	methodUserList:  {"users:read", "users:read.email"},
	methodUserEmail: {"users:read.email", "users:read"},
}
