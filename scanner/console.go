package scanner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"jwtsunset/credential"
)

// consoleLook is the Developer Console in the making. Its fields are guarded by the look's mutex; orgID is written
// before the tasks that read it exist.
type consoleLook struct {
	orgID string
	// whole is false as soon as anything of the Console's could not be read to its end.
	whole bool
	// projects and integrations are what the lists named, by id.
	projects     map[string]bool
	integrations map[string]credential.Integration
	// met holds the ids of all credentials found in workspaces, whatever their type.
	met     map[string]bool
	entries []*consoleEntry
}

// consoleEntry is one Console credential. A field stays at its zero value when it could not be read.
type consoleEntry struct {
	id        string
	kind      string // Adobe's credential_type; empty for one that no workspace shows
	project   credential.Project
	workspace credential.Workspace
	detail    credential.Integration
	detailed  bool
	status    credential.MigrationStatus
	notAfter  time.Time
}

func newConsoleLook() *consoleLook {
	return &consoleLook{
		whole: true, projects: map[string]bool{}, integrations: map[string]credential.Integration{}, met: map[string]bool{},
	}
}

// depth is how many requests, one after another, are still to come behind a read of the Console's.
var depth = map[credential.Stage]int{
	credential.StageOrganizations: 4,
	credential.StageProjects:      3,
	credential.StageWorkspaces:    2,
	credential.StageCredentials:   1,
}

// consoleTask makes the task that reads one thing of the Console's. take is called under the lock.
func consoleTask[T any](
	l *look, stage credential.Stage, what string, read func(context.Context) (T, error), take func(T) []task,
) task {
	return task{what: "Developer Console", remaining: depth[stage], run: func(ctx context.Context) []task {
		answer, err := read(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.announced++
		if err != nil {
			l.failConsole(what, stage, err)
			return nil
		}
		l.read++
		return take(answer)
	}}
}

func (l *look) failConsole(what string, stage credential.Stage, err error) {
	l.console.whole = false
	l.fail(what, stage, err)
}

// organization finds the Console's own id of the organization, with which everything else is asked.
func (l *look) organization() task {
	return consoleTask(l, credential.StageOrganizations, "Developer Console: organization", l.o.Console.OrganizationID,
		func(id string) []task {
			l.console.orgID = id
			return []task{l.projectPage(1), l.integrationPage(0)}
		})
}

func (l *look) projectPage(page int) task {
	const what = "Developer Console: list of projects"
	read := func(ctx context.Context) (credential.ProjectPage, error) {
		return l.o.Console.ProjectPage(ctx, l.console.orgID, page)
	}
	return consoleTask(l, credential.StageProjects, what, read, func(p credential.ProjectPage) []task {
		var next []task
		for _, project := range p.Projects {
			if !l.console.projects[project.ID] {
				l.console.projects[project.ID] = true
				next = append(next, l.workspaces(project))
			}
		}
		end := pageEnd{what, credential.StageProjects, page, len(next), len(l.console.projects), p.Total, p.More}
		if l.nextPage(end) {
			next = append(next, l.projectPage(page+1))
		}
		return next
	})
}

func (l *look) integrationPage(page int) task {
	const what = "Developer Console: list of integrations"
	read := func(ctx context.Context) (credential.IntegrationPage, error) {
		return l.o.Console.IntegrationPage(ctx, l.console.orgID, page)
	}
	return consoleTask(l, credential.StageIntegrations, what, read, func(p credential.IntegrationPage) []task {
		before := len(l.console.integrations)
		for _, i := range p.Integrations {
			l.console.integrations[i.ID] = i
		}
		known := len(l.console.integrations)
		if l.nextPage(pageEnd{what, credential.StageIntegrations, page, known - before, known, p.Total, p.More}) {
			return []task{l.integrationPage(page + 1)}
		}
		return nil
	})
}

// pageEnd is where a numbered list stands after a page.
type pageEnd struct {
	what               string
	stage              credential.Stage
	page, fresh, known int
	total              int // what Adobe announced; -1 if nothing
	more               bool
}

// nextPage tells whether to ask for another page. A list that goes in circles, or that ends short of what Adobe
// announced, was not seen whole.
func (l *look) nextPage(e pageEnd) bool {
	switch {
	case e.more && e.fresh == 0:
		l.failConsole(e.what, e.stage, &problem{credential.ReasonCursor,
			fmt.Sprintf("page %d brought nothing new though Adobe announces more", e.page)})
	case e.more && e.page >= l.o.PageLimit:
		l.failConsole(e.what, e.stage, &problem{credential.ReasonCursor,
			fmt.Sprintf("the list has not ended after page %d", e.page)})
	case !e.more && e.total > e.known:
		l.failConsole(e.what, e.stage, &problem{credential.ReasonMismatch,
			fmt.Sprintf("Adobe announced %d and listed %d", e.total, e.known)})
	default:
		return e.more
	}
	return false
}

func (l *look) workspaces(project credential.Project) task {
	what := "Developer Console: workspaces of project " + label(project.Title, project.Name, project.ID)
	read := func(ctx context.Context) ([]credential.Workspace, error) {
		return l.o.Console.Workspaces(ctx, l.console.orgID, project.ID)
	}
	return consoleTask(l, credential.StageWorkspaces, what, read, func(workspaces []credential.Workspace) []task {
		var next []task
		for _, w := range workspaces {
			next = append(next, l.credentials(project, w))
		}
		return next
	})
}

func (l *look) credentials(project credential.Project, workspace credential.Workspace) task {
	what := fmt.Sprintf("Developer Console: credentials of project %s, workspace %s",
		label(project.Title, project.Name, project.ID), label(workspace.Name, workspace.ID))
	read := func(ctx context.Context) ([]credential.WorkspaceCredential, error) {
		return l.o.Console.WorkspaceCredentials(ctx, l.console.orgID, project.ID, workspace.ID)
	}
	return consoleTask(l, credential.StageCredentials, what, read, func(cs []credential.WorkspaceCredential) []task {
		var next []task
		for _, c := range cs {
			if !l.console.met[c.IntegrationID] && concernsMigration(c.Type) {
				next = append(next, l.entry(&consoleEntry{
					id: c.IntegrationID, kind: c.Type, project: project, workspace: workspace,
				})...)
			}
			l.console.met[c.IntegrationID] = true
		}
		return next
	})
}

// concernsMigration tells whether a type of credential is, was or may become a Service Account (JWT) one. A word that
// Adobe has not documented is looked into as long as it speaks of the grants concerned.
func concernsMigration(kind string) bool {
	switch kind {
	case credential.TypeService, credential.TypeMigrating, credential.TypeServerServer:
		return true
	default:
		return strings.Contains(kind, credential.TypeServerServer) || strings.Contains(kind, "jwt")
	}
}

// entry begins the reading of one credential's details.
func (l *look) entry(e *consoleEntry) []task {
	l.console.entries = append(l.console.entries, e)
	what := "Developer Console: credential " + e.id
	detail := func(ctx context.Context) (credential.Integration, error) {
		return l.o.Console.Integration(ctx, l.console.orgID, e.id)
	}
	status := func(ctx context.Context) (credential.MigrationStatus, error) {
		return l.o.Console.MigrationStatus(ctx, l.console.orgID, e.id)
	}
	next := []task{
		consoleTask(l, credential.StageIntegration, what+", details", detail, func(i credential.Integration) []task {
			e.detail, e.detailed = i, true
			return nil
		}),
		consoleTask(l, credential.StageStatus, what+", migration status", status,
			func(s credential.MigrationStatus) []task {
				e.status = s
				return nil
			}),
	}
	if e.kind != credential.TypeServerServer {
		next = append(next, l.certificates(e, what))
	}
	return next
}

func (l *look) certificates(e *consoleEntry, what string) task {
	read := func(ctx context.Context) ([]credential.Certificate, error) {
		return l.o.Console.Certificates(ctx, l.console.orgID, e.id)
	}
	return consoleTask(l, credential.StageCertificates, what+", certificates", read,
		func(certificates []credential.Certificate) []task {
			for _, c := range certificates {
				if c.NotAfter.After(e.notAfter) {
					e.notAfter = c.NotAfter
				}
			}
			return nil
		})
}

// gaps gives the tasks that look into server-to-server integrations which the organization's list names and no
// workspace shows. It is called when all lists have been read.
func (l *look) gaps() []task {
	if l.console == nil {
		return nil
	}
	var ids []string
	for id, i := range l.console.integrations {
		if i.Type == "entp" && !l.console.met[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var next []task
	for _, id := range ids {
		next = append(next, l.entry(&consoleEntry{id: id})...)
	}
	return next
}

// label is the first name that says something.
func label(names ...string) string {
	for _, n := range names {
		if strings.TrimSpace(n) != "" {
			return n
		}
	}
	return "without a name"
}
