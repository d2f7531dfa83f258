//go:build verify

package verify

import "maps"

// because turns deviations listed by reason into reasons listed by deviation.
func because(reasons map[string][]string) map[string]string {
	deviations := map[string]string{}
	for reason, keys := range reasons {
		for _, key := range keys {
			deviations[key] = reason
		}
	}
	return deviations
}

// specifiedDeviations are where the simulator, told to follow the specification, differs from it all the same, and what
// Adobe's own clients and their tests show instead.
var specifiedDeviations = because(map[string][]string{
	"Adobe's client tests its organizations for roles, which the specification leaves out": {
		`GET /console/organizations 200 *: has roles`,
	},
	"the projects in Adobe's client and command-line tests have an appId, which the specification leaves out": {
		`GET /console/organizations/{orgId}/projects 200 *: has appId`,
		`GET /console/organizations/{orgId}/projects/{projectId} 200 response: has appId`,
	},
	"the workspaces in the tests of Adobe's command line have a runtime_namespace, which the specification leaves out": {
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces 200 *: has runtime_namespace`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId} 200 response: has runtime_namespace`,
	},
	"Adobe's command line reads integration_type where the specification says credential_type; both are sent": {
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId}/credentials 200 *: has integration_type`,
	},
	"an API key has no technical account": {
		`GET /console/organizations/{orgId}/integrations/{intId} 200 response: lacks technicalAccountId`,
		`GET /console/organizations/{orgId}/integrations/{intId} 200 response: lacks technicalAccountEmail`,
	},
})

// fixtureSwitches make the simulator answer as the tests of Adobe's clients do where those and the specification disagree.
var fixtureSwitches = []string{
	"ids=number", "booleans=number", "console-dates=timestamp", "nulls=null", "api-key-field=apiKey",
	"workspace-lookup=object",
}

// ownFixtureDeviations are what differs then, beyond specifiedDeviations.
var ownFixtureDeviations = because(map[string][]string{
	"null where there is no text, as the description of organizations in the tests of Adobe's client": {
		`GET /console/organizations 200 */description: must be string`,
		`GET /console/organizations/{orgId}/projects 200 */metadata/workspaces/*/runtime: must be string`,
	},
	"1 and 0, as in the tests of Adobe's command line": {
		`GET /console/organizations/{orgId}/projects 200 */enabled: must be boolean`,
		`GET /console/organizations/{orgId}/projects 200 */deleted: must be boolean`,
		`GET /console/organizations/{orgId}/projects/{projectId} 200 enabled: must be boolean`,
		`GET /console/organizations/{orgId}/projects/{projectId} 200 deleted: must be boolean`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces 200 */enabled: must be boolean`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces 200 */runtime_enabled: must be boolean`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId} 200 enabled: must be boolean`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId} 200 runtime_enabled: must be boolean`,
	},
	"dates with a time, as in the tests of Adobe's command line": {
		`GET /console/organizations/{orgId}/projects 200 */date_created: must match format "date"`,
		`GET /console/organizations/{orgId}/projects 200 */date_last_modified: must match format "date"`,
		`GET /console/organizations/{orgId}/projects/{projectId} 200 date_created: must match format "date"`,
		`GET /console/organizations/{orgId}/projects/{projectId} 200 date_last_modified: must match format "date"`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces 200 */date_created: must match format "date"`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces 200 */date_last_modified: must match format "date"`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId} 200 date_created: must match format "date"`,
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId} 200 date_last_modified: must match format "date"`,
	},
	"ids that are numbers, as in the integration lists that Adobe's command line is tested with": {
		`GET /console/organizations/{orgId}/projects/{projectId}/workspaces/{workspaceId}/credentials 200 */id_integration: must be string`,
		`GET /console/organizations/{orgId}/integrations 200 content/*/id: must be string`,
		`GET /console/organizations/{orgId}/integrations 200 content/*/orgId: must be string`,
		`GET /console/organizations/{orgId}/integrations/{intId} 200 id: must be string`,
		`GET /console/organizations/{orgId}/integrations/{intId} 200 orgId: must be string`,
	},
	"apiKey with an upper-case K, as in the integrations that Adobe's command line is tested with": {
		`GET /console/organizations/{orgId}/integrations 200 content/*: lacks apikey`,
		`GET /console/organizations/{orgId}/integrations 200 content/*: has apiKey`,
		`GET /console/organizations/{orgId}/integrations/{intId} 200 response: lacks apikey`,
		`GET /console/organizations/{orgId}/integrations/{intId} 200 response: has apiKey`,
	},
	"one object instead of a list, as the tests of Adobe's client expect it": {
		`GET /console/organizations/{orgId}/projects_workspaces/credentials/{credentialId} 200 response: must be array`,
	},
})

func fixtureDeviations() map[string]string {
	all := maps.Clone(specifiedDeviations)
	maps.Copy(all, ownFixtureDeviations)
	return all
}
