// PostGraphile 5 over the schema `cabinet`: the viewer from the session, what they see from functions and views.
import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { TYPES } from 'postgraphile/@dataplan/pg'
import { access, constant, context } from 'postgraphile/grafast'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { extendSchema } from 'postgraphile/utils'
import { authenticate } from './dashboard.mjs'
import { Reads, openPool } from './database.mjs'
import { port, setup } from './setup.mjs'

const pool = openPool({ planOnce: false })
const reads = new Reads(pool)
const dashboard = extendSchema((build) => {
  const { balance, remain, use, tariff, service, household, member, linked_numbers, personal_accounts } =
    build.input.pgRegistry.pgResources

  /** What a function finds for the viewer, at most `first`. */
  const seenBy = (resource) => (viewer, { $first }) =>
    resource.execute([
      { step: access(viewer, 'userId'), pgCodec: TYPES.bigint },
      { step: constant(setup.operator), pgCodec: TYPES.text },
      { step: constant(!setup.same_operator_only), pgCodec: TYPES.boolean },
      { step: access(viewer, 'level'), pgCodec: TYPES.text },
      { step: $first, pgCodec: TYPES.int },
    ])

  /** Rows of a line, by these columns. */
  const ofLine = (resource, key, ...columns) => (line) => {
    const rows = resource.find({ line_id: line.get(key) })
    for (const column of columns) rows.orderBy({ attribute: column, direction: 'ASC' })
    return rows
  }

  return {
    typeDefs: `
      extend type Query { viewer: Viewer }
      type Viewer {
        user: User!
        household: Household
        linkedNumbers(first: Int! = 20): [PhoneLine!]!
        personalAccounts(first: Int! = 20): [Account!]!
      }
      type User { displayName: String! }
      extend type Household { members: [Member!]! }
      extend type PhoneLine {
        balance: Balance
        remains: [Remain!]!
        usage: [Use!]!
        tariff: Tariff
        connectedServices: [Service!]!
      }
      extend type Account { balance: Balance }
    `,
    objects: {
      Query: { plans: { viewer: () => context().get('viewer') } },
      Viewer: {
        plans: {
          user: (viewer) => access(viewer, 'user'),
          household: (viewer) => household.get({ user_id: access(viewer, 'userId') }),
          linkedNumbers: seenBy(linked_numbers),
          personalAccounts: seenBy(personal_accounts),
        },
      },
      User: { plans: { displayName: (user) => access(user, 'displayName') } },
      Household: {
        plans: {
          members(home) {
            const members = member.find({ household_id: home.get('household_id') })
            for (const attribute of ['is_other', 'joined_at', 'member_id']) members.orderBy({ attribute, direction: 'ASC' })
            return members
          },
        },
      },
      PhoneLine: {
        plans: {
          balance: (line) => balance.get({ account_id: line.get('seen_account_id') }),
          remains: ofLine(remain, 'seen_line_id', 'place'),
          usage: ofLine(use, 'used_line_id', 'direction', 'unit'),
          tariff: (line) => tariff.get({ line_id: line.get('seen_line_id') }),
          connectedServices: ofLine(service, 'seen_line_id', 'subscription_id'),
        },
      },
      Account: { plans: { balance: (account) => balance.get({ account_id: account.get('seen_account_id') }) } },
    },
  }
})

const server = createServer()
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [dashboard],
  pgServices: [makePgService({ pool, schemas: ['cabinet'] })],
  schema: { defaultBehavior: '+list -connection' },
  grafserv: { graphqlPath: '/graphql', graphiql: false, websockets: false, watch: false },
  grafast: { explain: false, context: async ({ node }) => ({ viewer: await authenticate(reads, node.req.headers.authorization) }) },
})
await instance.createServ(grafserv).addTo(server)
server.listen(port, '127.0.0.1')
