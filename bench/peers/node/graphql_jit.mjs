// graphql-jit on node:http and nothing else: DataLoader, `pg`, and operations compiled once.
import { createServer } from 'node:http'
import DataLoader from 'dataloader'
import { buildSchema, parse, validate } from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { USAGE, VIEW } from './access.mjs'
import * as dashboard from './dashboard.mjs'
import { Reads, openPool } from './database.mjs'
import { port, setup } from './setup.mjs'

const reads = new Reads(openPool({ planOnce: true }))
const LOADERS = {
  households: (_, ids) => dashboard.households(reads, ids),
  accounts: (context, ids) => dashboard.accounts(reads, context.viewer, ids),
  balances: (_, ids) => dashboard.balances(reads, ids),
  remains: (_, ids) => dashboard.remains(reads, ids),
  usage: (_, ids) => dashboard.usage(reads, ids),
  tariffs: (_, ids) => dashboard.tariffs(reads, ids),
  services: (_, ids) => dashboard.services(reads, ids),
}

class Context {
  #loaders = {}

  constructor(viewer) {
    this.viewer = viewer
  }

  load(name, key) {
    this.#loaders[name] ??= new DataLoader(async (keys) => {
      const found = await LOADERS[name](this, keys)
      return keys.map((key) => found.get(key) ?? null)
    })
    return this.#loaders[name].load(key)
  }
}

const balance = (parent, _, context) => (parent.may & VIEW ? context.load('balances', parent.accountId) : null)
const resolvers = {
  Query: { viewer: (_, __, context) => context.viewer },
  Viewer: {
    household: (viewer, _, context) => context.load('households', viewer.userId),
    linkedNumbers: (viewer, { first }) => dashboard.linkedNumbers(reads, viewer, first),
    personalAccounts: (viewer, { first }) => dashboard.personalAccounts(reads, viewer, first),
  },
  Line: {
    balance,
    remains: async (line, _, context) => (line.may & VIEW ? ((await context.load('remains', line.key)) ?? []) : null),
    usage: async (line, _, context) =>
      line.may & USAGE ? { items: (await context.load('usage', line.key)) ?? [] } : null,
    tariff: (line, _, context) => (line.may & VIEW ? context.load('tariffs', line.key) : null),
    connectedServices: async (line, { first }, context) =>
      line.may & VIEW ? dashboard.connection(((await context.load('services', line.key)) ?? []).slice(0, first)) : null,
    personalAccount: (line, _, context) => context.load('accounts', line.accountId),
  },
  PersonalAccount: { balance },
}

const schema = buildSchema(setup.schema)
for (const [type, fields] of Object.entries(resolvers))
  for (const [name, resolve] of Object.entries(fields)) schema.getType(type).getFields()[name].resolve = resolve

const compiled = new Map()

/** The operation, compiled at its first call. */
function prepare(query, operationName) {
  const known = compiled.get(query)
  if (known) return known
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length > 0) return () => ({ errors })
  // Its own serializer is slower than Node's of today.
  const made = compileQuery(schema, document, operationName, { disablingCapturingStackErrors: true })
  if (!isCompiledQuery(made)) return () => made
  compiled.set(query, made.query)
  return made.query
}

async function answer(request, body) {
  const { query, operationName, variables } = JSON.parse(body)
  const context = new Context(await dashboard.authenticate(reads, request.headers.authorization))
  return JSON.stringify(await prepare(query, operationName)(undefined, context, variables ?? {}))
}

createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', async () => {
    try {
      const text = await answer(request, Buffer.concat(chunks).toString())
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      response.end(text)
    } catch (error) {
      console.error(error)
      response.writeHead(500).end()
    }
  })
}).listen(port, '127.0.0.1')
