// graphql-jit on node:http and nothing else: DataLoader, `pg`, and operations compiled once.
import { createServer } from 'node:http'
import DataLoader from 'dataloader'
import { buildSchema, parse, validate } from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { USAGE, VIEW } from './access.mjs'
import * as dashboard from './dashboard.mjs'
import { Reads, openPool } from './database.mjs'
import { port, setup } from './setup.mjs'

const pool = openPool({ planOnce: true })
const LOADERS = {
  households: (context, ids) => dashboard.households(context.reads, ids),
  accounts: (context, ids) => dashboard.accounts(context.reads, context.viewer, ids),
  balances: (context, ids) => dashboard.balances(context.reads, ids),
  remains: (context, ids) => dashboard.remains(context.reads, ids),
  usage: (context, ids) => dashboard.usage(context.reads, ids),
  tariffs: (context, ids) => dashboard.tariffs(context.reads, ids),
  services: (context, ids) => dashboard.services(context.reads, ids),
}

class Context {
  #loaders = {}
  reads = new Reads(pool)
  viewer = null

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
    linkedNumbers: (viewer, { first }, { reads }) => dashboard.linkedNumbers(reads, viewer, first),
    personalAccounts: (viewer, { first }, { reads }) => dashboard.personalAccounts(reads, viewer, first),
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

// Its own serializer knows no scalars but GraphQL's; all of ours are text.
const scalars = [...setup.schema.matchAll(/^scalar (\w+)$/gm)].map(([, name]) => name)
const sdl = setup.schema.replaceAll(/^scalar \w+$/gm, '').replaceAll(new RegExp(`\\b(${scalars.join('|')})\\b`, 'g'), 'String')
const schema = buildSchema(sdl)
for (const [type, fields] of Object.entries(resolvers))
  for (const [name, resolve] of Object.entries(fields)) schema.getType(type).getFields()[name].resolve = resolve

const compiled = new Map()

/** The operation compiled, and what turns its answers into text; compiled at its first call. */
function prepare(query, operationName) {
  const known = compiled.get(query)
  if (known) return known
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length > 0) return { query: () => ({ errors }), stringify: JSON.stringify }
  const made = compileQuery(schema, document, operationName, {
    customJSONSerializer: true,
    disablingCapturingStackErrors: true,
  })
  if (!isCompiledQuery(made)) return { query: () => made, stringify: JSON.stringify }
  compiled.set(query, made)
  return made
}

async function answer(request, body) {
  const { query, operationName, variables } = JSON.parse(body)
  const operation = prepare(query, operationName)
  const context = new Context()
  try {
    context.viewer = await dashboard.authenticate(context.reads, request.headers.authorization)
    const result = await operation.query(undefined, context, variables ?? {})
    return result.errors ? JSON.stringify(result) : operation.stringify(result)
  } finally {
    await context.reads.release()
  }
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
