// Reads everything that Adobe's own clients can read, the way a user of theirs would, and prints it as JSON.
//
//   node read.mjs '{"client_id": …, "client_secret": …, "ims_org_id": …, "scopes": […]}'
//
// The clients are used as published and believe that they speak to Adobe: their addresses are constants, so the caller
// sets HTTPS_PROXY to a proxy that answers for Adobe's hosts, and NODE_EXTRA_CA_CERTS to the certificate it shows. Both
// are documented settings, of the clients' networking library and of Node. Run it in an empty folder with HOME there:
// the IMS client keeps its configuration and its tokens in files.

import ims from '@adobe/aio-lib-ims'
import consoleSDK from '@adobe/aio-lib-console'

const account = JSON.parse(process.argv[2])

const token = await getToken(account)
const client = await consoleSDK.init(token, account.client_id, 'prod')

console.log(JSON.stringify({
  token: ims.getTokenData(token),
  validation: await new ims.Ims('prod').validateToken(token, account.client_id),
  refused: {
    secret: await refusal(getToken({ ...account, client_secret: 'not-' + account.client_secret }, 'wrong')),
    token: await refusal((await consoleSDK.init('not-a-token', account.client_id, 'prod')).getOrganizations()),
    api_key: await refusal((await consoleSDK.init(token, 'not-a-client', 'prod')).getOrganizations())
  },
  organizations: await readOrganizations()
}))

// getToken goes the whole way of a configured context: the login plugin is found by the context's keys.
async function getToken ({ client_id, client_secret, ims_org_id, scopes }, name = 'jwtsunset') {
  await ims.context.set(name, {
    client_id,
    client_secrets: [client_secret],
    technical_account_id: 'unused@techacct.adobe.com',
    technical_account_email: 'unused@techacct.adobe.com',
    ims_org_id,
    scopes
  }, true)
  return ims.getToken(name)
}

async function refusal (call) {
  try {
    await call
    return ''
  } catch (error) {
    return String(error.message)
  }
}

async function readOrganizations () {
  const { body } = await client.getOrganizations()
  return each(body, async organization => ({
    ...organization,
    projects: await readProjects(organization.id),
    integrations: await readIntegrations(organization.id)
  }))
}

async function readProjects (org) {
  const { body } = await client.getProjectsForOrg(org)
  return each(body, async project => ({
    ...project,
    detail: (await client.getProject(org, project.id)).body,
    workspaces: await readWorkspaces(org, project.id)
  }))
}

async function readWorkspaces (org, project) {
  const { body } = await client.getWorkspacesForProject(org, project)
  return each(body, async workspace => ({
    ...workspace,
    detail: (await client.getWorkspace(org, project, workspace.id)).body,
    credentials: (await client.getCredentials(org, project, workspace.id)).body
  }))
}

async function readIntegrations (org) {
  const { body } = await client.getIntegrationsForOrg(org)
  return each(body.content, async integration => ({
    ...integration,
    detail: (await client.getIntegration(org, integration.id)).body,
    bindings: (await client.getBindingsForIntegration(org, integration.id)).body,
    place: (await client.getWorkspaceForCredential(org, integration.id)).body
  }))
}

// each maps one item after another: the point is what is answered, not how fast.
async function each (items, read) {
  const results = []
  for (const item of items) results.push(await read(item))
  return results
}
