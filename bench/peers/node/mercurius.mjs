// Mercurius on Fastify, with jit from the first call and its own loaders.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { USAGE, VIEW } from './access.mjs'
import * as dashboard from './dashboard.mjs'
import { Reads, openPool } from './database.mjs'
import { port, setup } from './setup.mjs'

const reads = new Reads(openPool({ planOnce: true }))
const resolvers = {
  Query: { viewer: (_, __, { viewer }) => viewer },
  Viewer: {
    linkedNumbers: (viewer, { first }) => dashboard.linkedNumbers(reads, viewer, first),
    personalAccounts: (viewer, { first }) => dashboard.personalAccounts(reads, viewer, first),
  },
}

const unique = (values) => [...new Set(values)]
const allowed = (scope) => (parent) => scope === null || (parent.may & scope) !== 0

/** A loader by the key of its parents: null where the parent does not allow the scope. */
function batched(scope, key, read, shown = (found) => found ?? null) {
  const mayBeSeen = allowed(scope)
  return {
    // Mercurius' own cache would turn every parent into text; parents are different objects anyway.
    opts: { cache: false },
    async loader(queries, { viewer }) {
      const keys = unique(queries.filter(({ obj }) => mayBeSeen(obj)).map(({ obj }) => key(obj)))
      const found = keys.length === 0 ? new Map() : await read(reads, keys, viewer)
      return queries.map(({ obj, params }) => (mayBeSeen(obj) ? shown(found.get(key(obj)), params) : null))
    },
  }
}

const byLine = (line) => line.key
const byAccount = (parent) => parent.accountId
const balance = batched(VIEW, byAccount, dashboard.balances)

const loaders = {
  Viewer: { household: batched(null, (viewer) => viewer.userId, dashboard.households) },
  Line: {
    balance,
    remains: batched(VIEW, byLine, dashboard.remains, (found) => found ?? []),
    usage: batched(USAGE, byLine, dashboard.usage, (items) => ({ items: items ?? [] })),
    tariff: batched(VIEW, byLine, dashboard.tariffs),
    connectedServices: batched(VIEW, byLine, dashboard.services, (found, { first }) =>
      dashboard.connection((found ?? []).slice(0, first)),
    ),
    personalAccount: batched(null, byAccount, (_, ids, viewer) => dashboard.accounts(reads, viewer, ids)),
  },
  PersonalAccount: { balance },
}

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema: setup.schema,
  resolvers,
  loaders,
  jit: 1,
  graphiql: false,
  context: async ({ headers }) => ({ viewer: await dashboard.authenticate(reads, headers.authorization) }),
})
await app.listen({ port, host: '127.0.0.1' })
