// Works with a pretend Slack through Slack's own client, the way a user of it would, and prints what came of it as
// JSON.
//
//   node slack.mjs 'http://127.0.0.1:port/slack' 'xoxb-…'
//
// The client is used as published; its address is the one setting that is not Slack's. Below the address, api/ is the
// Web API, and simulator/ is the simulator's own and takes faults and tells what it holds.

import { WebClient, ErrorCode, LogLevel } from '@slack/web-api'

const [base, token] = process.argv.slice(2)

const quick = { retries: 3, minTimeout: 1, maxTimeout: 1 }
const never = { retries: 0 }

// client gives Slack's client; what it would log is what the tests provoke.
function client (options = {}, as = token) {
  return new WebClient(as, { slackApiUrl: `${base}/api/`, retryConfig: never, logLevel: LogLevel.ERROR, ...options })
}

const slack = client()

const blocks = [
  { type: 'header', text: { type: 'plain_text', text: 'Three credentials' } },
  { type: 'section', text: { type: 'mrkdwn', text: 'Ask <@U0BEA00001> & read <https://example.com|the guide>.' } },
  {
    type: 'actions',
    elements: [{ type: 'button', action_id: 'ask', text: { type: 'plain_text', text: 'Ask' }, value: '1' }]
  }
]
const mistaken = [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }]
const metadata = { event_type: 'reminder_sent', event_payload: { key: 'k-1', windows: [{ days: 30 }] } }

const auth = await slack.auth.test()
const found = await slack.users.lookupByEmail({ email: 'LIN@example.com' })
const person = await slack.users.info({ user: found.user.id, include_locale: true })
const direct = await slack.conversations.open({ users: found.user.id })
const channel = direct.channel.id
const posted = await slack.chat.postMessage({
  channel, text: 'Three credentials', blocks, metadata, unfurl_links: false
})
const plain = await slack.chat.postMessage({ channel, text: 'before' })
const updated = await slack.chat.update({ channel, ts: plain.ts, text: 'after' })
const reply = await slack.chat.postMessage({ channel, text: 'in the thread', thread_ts: posted.ts })
const history = await slack.conversations.history({ channel, include_all_metadata: true })
const brief = await slack.conversations.history({ channel, oldest: posted.ts, latest: posted.ts, inclusive: true })
const thread = await slack.conversations.replies({ channel, ts: posted.ts })
const link = await slack.chat.getPermalink({ channel, message_ts: posted.ts })
const removed = await slack.chat.postMessage({ channel, text: 'removed' })
await slack.chat.delete({ channel, ts: removed.ts })

console.log(JSON.stringify({
  auth: { user: auth.user_id, scopes: auth.response_metadata.scopes },
  person: { id: person.user.id, email: person.user.profile.email, locale: person.user.locale, tz: person.user.tz },
  channel,
  posted: { ts: posted.ts, text: posted.message.text, types: posted.message.blocks.map(b => b.type) },
  updated: { ts: updated.ts, text: updated.message.text },
  reply: { ts: reply.ts, thread: reply.message.thread_ts },
  removed: removed.ts,
  history: history.messages.map(m => ({ ts: m.ts, text: m.text, metadata: m.metadata ?? null })),
  brief: brief.messages.map(m => ({ ts: m.ts, text: m.text, metadata: m.metadata ?? null })),
  thread: thread.messages.map(m => m.ts),
  permalink: link.permalink,
  users: await collect(slack.paginate('users.list', { limit: 3 }), page => page.members.map(u => u.id)),
  channels: await collect(
    slack.paginate('conversations.list', { limit: 2, types: 'public_channel,private_channel' }),
    page => page.channels.map(c => c.id)),
  refused: {
    user: await refusal(slack.users.lookupByEmail({ email: 'gone@example.com' })),
    blocks: await refusal(slack.chat.postMessage({ channel, blocks: mistaken })),
    archived: await refusal(slack.chat.postMessage({ channel: 'C0OLDNEWS1', text: 'x' })),
    token: await refusal(client({}, 'xoxb-wrong').auth.test()),
    method: await refusal(slack.apiCall('nothing.here'))
  },
  faults: await provoke()
}))

async function collect (pages, items) {
  const all = []
  for await (const page of pages) all.push(...items(page))
  return all
}

// refusal is how the client reports a call that fails.
async function refusal (call) {
  try {
    await call
    return { code: '' }
  } catch (error) {
    return {
      code: error.code,
      error: error.data?.error ?? '',
      status: error.statusCode ?? 0,
      retry_after: error.retryAfter ?? 0,
      messages: error.data?.response_metadata?.messages ?? []
    }
  }
}

// provoke lets calls fail in the ways that the client knows, and lets it try again where it does.
async function provoke () {
  const patient = client({ retryConfig: quick })
  const hasty = client({ rejectRateLimitedCalls: true })
  return {
    limited: await under(['kind=throttle,retry-after=7,method=auth.test'], () => refusal(hasty.auth.test())),
    waited: await under(['kind=throttle,retry-after=1,times=1,method=auth.test'], () => refusal(patient.auth.test())),
    unavailable: await under(['kind=503,method=auth.test'], () => refusal(slack.auth.test())),
    recovered: await under(['kind=500,times=2,method=auth.test'], () => refusal(patient.auth.test())),
    reset: await under(['kind=reset,method=auth.test'], () => refusal(slack.auth.test())),
    doubled: await under(['kind=reset,after=true,times=1,method=chat.postMessage'],
      () => refusal(patient.chat.postMessage({ channel: 'C0GENERAL1', text: 'sent twice' }))),
    platform: await under(['kind=error,error=ekm_access_denied,method=auth.test'], () => refusal(slack.auth.test())),
    codes: [ErrorCode.PlatformError, ErrorCode.RateLimitedError, ErrorCode.HTTPError, ErrorCode.RequestError]
  }
}

async function under (faults, act) {
  await control('faults', faults)
  const result = await act()
  await control('faults', [])
  return result
}

async function control (name, body) {
  const response = await fetch(`${base}/simulator/${name}`, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`)
}
