// Validates recorded answers against the OpenAPI file inside @adobe/aio-lib-console.
//
//   node validate.mjs < answers.jsonl     one {"method", "path", "status", "type", "body"} a line
//
// The schemas there require nothing and forbid nothing, so that {} would pass for anything. They are made strict first:
// an answer must have every name that its schema has, and no other.
//
// Prints {"operations": {"GET /path/template": answers}, "deviations": […]} as JSON. A deviation names the operation, the
// status, the place in the body with "*" for every array index, and what is wrong; equal ones are counted, not repeated.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(import.meta.url)
const { default: Validator } = require('openapi-response-validator')
const spec = require('@adobe/aio-lib-console/spec/api.json')

const operations = Object.entries(spec.paths).flatMap(([template, item]) =>
  ['get', 'put', 'post', 'delete', 'patch']
    .filter(method => item[method])
    .map(method => ({
      name: `${method.toUpperCase()} ${template}`,
      method: method.toUpperCase(),
      pattern: new RegExp('^' + template.replace(/\./g, '\\.').replace(/\{[^/]+\}/g, '[^/]+') + '$'),
      variables: (template.match(/\{/g) ?? []).length,
      responses: item[method].responses
    })))

// A path of fixed words beats one with variables: /integrations/adobeid is not an integration's id.
operations.sort((a, b) => a.variables - b.variables)

const validators = new Map()
const seen = {}
const deviations = new Map()

for await (const line of createInterface({ input: process.stdin })) {
  if (line) check(JSON.parse(line))
}
console.log(JSON.stringify({ operations: seen, deviations: [...deviations.values()] }))

function check ({ method, path, status, type, body }) {
  const operation = operations.find(o => o.method === method && o.pattern.test(path))
  if (!operation) return deviate(`${method} ${path}`, status, '', 'is not in the specification')
  seen[operation.name] = (seen[operation.name] ?? 0) + 1

  const response = operation.responses[status]
  if (!response) return deviate(operation.name, status, '', 'the status is not in the specification')
  if (status >= 400) return // the specification gives no schema for any error
  if (!response.content) return
  if (!Object.keys(response.content).includes(type.split(';')[0])) {
    deviate(operation.name, status, '', `the content type ${type} is not in the specification`)
  }

  const { errors = [] } = validator(operation).validateResponse(status, JSON.parse(body)) ?? {}
  for (const { path, message } of errors) {
    deviate(operation.name, status, (path ?? '').replace(/(^|\/)\d+(?=\/|$)/g, '$1*'), message)
  }
}

function validator (operation) {
  if (!validators.has(operation.name)) {
    validators.set(operation.name, new Validator({
      responses: strict(operation.responses),
      components: strict(spec.components),
      customFormats: { date: text => /^\d{4}-\d{2}-\d{2}$/.test(text) },
      errorTransformer: (error, { params }) => ({ ...error, message: sentence(error, params) })
    }))
  }
  return validators.get(operation.name)
}

// strict gives a copy of a schema, or of anything that holds schemas, in which objects are closed and complete.
function strict (value) {
  if (Array.isArray(value)) return value.map(strict)
  if (value === null || typeof value !== 'object') return value
  const copy = Object.fromEntries(Object.entries(value).map(([name, held]) => [name, strict(held)]))
  if (copy.type === 'object' && copy.properties) {
    copy.required = Object.keys(copy.properties)
    copy.additionalProperties ??= false
  }
  return copy
}

function sentence ({ message }, { missingProperty, additionalProperty }) {
  if (missingProperty) return `lacks ${missingProperty}`
  if (additionalProperty) return `has ${additionalProperty}`
  return message
}

function deviate (operation, status, place, message) {
  const key = JSON.stringify([operation, status, place, message])
  const deviation = deviations.get(key) ?? { operation, status, place, message, times: 0 }
  deviation.times++
  deviations.set(key, deviation)
}
