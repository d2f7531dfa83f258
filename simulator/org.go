package simulator

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// organization is everything that the pretend Adobe holds for its one customer.
type organization struct {
	sandboxes []*sandbox
	accounts  []*account
	projects  []*project
	byClient  map[string]*integration
	byID      map[string]*integration
	byAccount map[string]*account
	// index holds the Query Service accounts by sandbox and activity, oldest first.
	index map[listKey][]*account
	// noAdmin makes Query Service answer that the caller's rights could not be verified.
	noAdmin          bool
	consoleForbidden bool
}

type listKey struct{ sandbox, active string }

// everywhere is the index key of all sandboxes together.
const everywhere = ""

type sandbox struct {
	name, title, state, kind string
	isDefault, forbidden     bool
	created, modified        time.Time
}

// account is one technical account: in Query Service, in the Developer Console, or in both.
type account struct {
	id, uuid             string
	query                bool
	name, description    string
	owner                string
	createdBy, updatedBy string
	created, updated     time.Time
	inactive             bool
	sandboxes            []string
	secret               string
	// oauth is set on accounts that Query Service's own page has migrated, which no call tells.
	oauth       bool
	integration *integration
	// before is what reads still tell of the account's migration until settles.
	before  status
	settles time.Time
	// encoded is the account as the list shows it.
	encoded []byte
}

// status is Adobe's migrationStatus.
type status string

const (
	notStarted status = "NOT_STARTED"
	started    status = "STARTED"
	completed  status = "COMPLETED"
	none       status = "NONE"
)

// integration is a credential of the Developer Console, which calls it by both names.
type integration struct {
	id, clientID      string
	name, description string
	status            status
	// apiKeyOnly is a credential of another kind, without technical account.
	apiKeyOnly bool
	// converted is set on credentials that Adobe moved to OAuth by itself.
	converted    bool
	readOnly     bool
	account      *account
	project      *project
	workspace    *workspace
	certificates []certificate
	secrets      []clientSecret
	services     []string
	createdBy    string
	created      time.Time
	modified     time.Time
	boundAt      time.Time
	jwtUsed      time.Time
	oauthUsed    time.Time
}

type certificate struct {
	id, fingerprint string
	notAfter        time.Time
}

type clientSecret struct {
	uuid, value string
	created     time.Time
}

type project struct {
	id, name, title, kind string
	hidden                bool
	// managed names who looks after the project in the place of its users; see TrueCredential.
	managed           string
	createdBy         string
	created, modified time.Time
	workspaces        []*workspace
}

type workspace struct {
	id, name, title  string
	created          time.Time
	integrations     []*integration
	runtimeNamespace string
}

// state is how far an account's migration really is. One that only Query Service knows is never in the middle.
func (a *account) state() status {
	switch {
	case a.integration != nil:
		return a.integration.status
	case a.oauth:
		return completed
	}
	return notStarted
}

// shown is the state that reads tell: the one before the last change, until that has settled.
func (a *account) shown(now time.Time) status {
	if now.Before(a.settles) {
		return a.before
	}
	return a.state()
}

// shown is as an account's; a credential without technical account has one state for ever.
func (i *integration) shown(now time.Time) status {
	if i.account == nil {
		return i.status
	}
	return i.account.shown(now)
}

// credentialType is the word that the Developer Console uses for the integration's kind when its state is at.
func (i *integration) credentialType(at status) string {
	switch {
	case i.apiKeyOnly:
		return "apikey"
	case at == notStarted:
		return "service"
	case at == started:
		return "oauth_server_to_server_migrate"
	}
	return "oauth_server_to_server"
}

func (i *integration) flowType() string {
	if i.apiKeyOnly {
		return "adobeid"
	}
	return "entp"
}

// reindex sorts accounts and integrations into the lists that calls read.
func (o *organization) reindex() {
	o.index = map[listKey][]*account{}
	for _, a := range o.accounts {
		if !a.query {
			continue
		}
		active := strconv.FormatBool(!a.inactive)
		for _, place := range append([]string{everywhere}, a.sandboxes...) {
			o.index[listKey{place, active}] = append(o.index[listKey{place, active}], a)
			o.index[listKey{place, ""}] = append(o.index[listKey{place, ""}], a)
		}
	}
	for _, list := range o.index {
		slices.SortFunc(list, func(a, b *account) int {
			return cmp.Or(a.created.Compare(b.created), strings.Compare(a.id, b.id))
		})
	}
	o.byAccount = map[string]*account{}
	for _, a := range o.accounts {
		o.byAccount[a.id] = a
	}
	o.byClient, o.byID = map[string]*integration{}, map[string]*integration{}
	for _, i := range o.integrations() {
		o.byClient[i.clientID], o.byID[i.id] = i, i
	}
}

// integrations lists every integration, project by project.
func (o *organization) integrations() []*integration {
	var all []*integration
	for _, p := range o.projects {
		for _, w := range p.workspaces {
			all = append(all, w.integrations...)
		}
	}
	return all
}

func (o *organization) sandbox(name string) *sandbox {
	i := slices.IndexFunc(o.sandboxes, func(s *sandbox) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return o.sandboxes[i]
}

func (o *organization) project(id string) *project {
	i := slices.IndexFunc(o.projects, func(p *project) bool { return p.id == id })
	if i < 0 {
		return nil
	}
	return o.projects[i]
}

func (p *project) workspace(id string) *workspace {
	i := slices.IndexFunc(p.workspaces, func(w *workspace) bool { return w.id == id })
	if i < 0 {
		return nil
	}
	return p.workspaces[i]
}
