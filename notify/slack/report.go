package slack

// Level says how bad a finding is.
type Level string

// The levels.
const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning" // works, with less than there could be
	LevelProblem Level = "problem" // messages will not arrive
)

// Finding is one thing that was checked. It is a row of a table.
type Finding struct {
	Level Level `json:"level"`
	// Subject is what was checked: "scope chat:write", "channel #adobe-credentials", "user group S0123".
	Subject string `json:"subject"`
	// Detail is what was found, and Do what to do about it; "" where nothing is.
	Detail string `json:"detail"`
	Do     string `json:"do,omitempty"`
}

// Report is what Check found.
type Report struct {
	// Workspace is its name, and the others are ids.
	Workspace   string `json:"workspace"`
	WorkspaceID string `json:"workspace_id"`
	BotUserID   string `json:"bot_user_id"`
	BotID       string `json:"bot_id"`
	// Findings come in the order of what was asked: scopes, channels, user groups.
	Findings []Finding `json:"findings"`
}

// OK tells whether nothing was found that keeps messages from arriving.
func (r Report) OK() bool {
	for _, f := range r.Findings {
		if f.Level == LevelProblem {
			return false
		}
	}
	return true
}

func (r *Report) add(level Level, subject, detail, todo string) {
	r.Findings = append(r.Findings, Finding{Level: level, Subject: subject, Detail: detail, Do: todo})
}
