// What the Node peers read for the dashboard, in batches: by the keys, a Map to what the schema shows of each.
import { createHash } from 'node:crypto'
import { names, rights } from './access.mjs'
import { setup } from './setup.mjs'

// Positions in the statement `session`.
const [USER, LEVEL, NAME, MUST_CHANGE_PASSWORD, LIVE, WIDGET_LINE] = [1, 2, 3, 5, 14, 17]

/** Whose session a header's token is; null for nobody's. */
export async function authenticate(reads, authorization) {
  if (!authorization?.startsWith('Bearer ')) return null
  const hash = createHash('sha256').update(authorization.slice(7)).digest('hex')
  const [row] = await reads.rows('session', [hash, setup.operator, setup.idle_seconds], 'array')
  if (!row || !row[LIVE] || row[WIDGET_LINE] !== null || row[MUST_CHANGE_PASSWORD]) return null
  return { userId: row[USER], level: row[LEVEL], user: { displayName: row[NAME] } }
}

const seenBy = (viewer) => [viewer.userId, setup.operator, !setup.same_operator_only]

export async function linkedNumbers(reads, viewer, first) {
  const rows = await reads.rows('lines', [...seenBy(viewer), first])
  return connection(rows.map((row) => line(row, viewer)).filter(({ may }) => may))
}

export async function personalAccounts(reads, viewer, first) {
  const rows = await reads.rows('accounts', [...seenBy(viewer), first])
  return connection(rows.map((row) => account(row, viewer)).filter(({ may }) => may))
}

export async function accounts(reads, viewer, ids) {
  const rows = await reads.rows('accounts_by_id', [...seenBy(viewer), ids])
  return new Map(rows.map((row) => [row.id, account(row, viewer)]).filter(([, { may }]) => may))
}

export async function households(reads, userIds) {
  const found = new Map()
  for (const row of await reads.rows('households', [userIds]))
    if (!found.has(row.user_id)) found.set(row.user_id, { name: row.name, myRole: row.my_role, members: row.members })
  return found
}

export async function balances(reads, accountIds) {
  const rows = await reads.rows('balances', [accountIds])
  return new Map(rows.map((row) => [row.account_id, balance(row)]))
}

export async function remains(reads, lineIds) {
  return grouped(await reads.rows('remains', [lineIds, false]), (row) => ({
    name: row.name,
    unit: row.unit,
    left: row.left,
    total: row.total,
    unlimited: row.unlimited,
    resetsAt: row.resets_at,
  }))
}

export async function usage(reads, lineIds) {
  return grouped(await reads.rows('usage', [lineIds, setup.zone]), ({ unit, used, direction }) => ({
    unit,
    used,
    direction,
  }))
}

export async function tariffs(reads, lineIds) {
  const rows = await reads.rows('tariffs', [lineIds])
  return new Map(
    rows.map((row) => [row.line_id, { tariff: offer(row), since: row.since, nextChargeAt: row.next_charge_at }]),
  )
}

export async function services(reads, lineIds) {
  return grouped(await reads.rows('services', [lineIds]), (row) => ({ service: offer(row), since: row.since }))
}

/** A page, as Relay has it. */
export const connection = (nodes) => ({ edges: nodes.map((node) => ({ node })) })

function line(row, viewer) {
  const may = rights(row, viewer.level)
  return {
    id: Buffer.from(`Line:${row.id}`).toString('base64url'),
    key: row.id,
    accountId: row.account_id,
    may,
    msisdn: row.msisdn,
    label: row.label,
    kind: row.kind,
    status: row.status,
    isOwn: row.is_own,
    myScopes: names(may),
  }
}

function account(row, viewer) {
  const may = rights(row, viewer.level)
  return { accountId: row.id, may, number: row.number, kind: row.kind, status: row.status }
}

function balance(row) {
  return {
    available: money(row.balance, row.currency),
    reserved: money(row.reserved, row.currency),
    nextCharge: row.charge === null ? null : money(row.charge, row.currency),
    nextChargeAt: row.at,
    asOf: row.now,
    stale: false,
  }
}

const offer = (row) => ({ name: row.name, fee: money(row.fee, setup.currency), feePeriod: row.fee_period })

/** Whole units from minor ones. */
function money(minor, currency) {
  return { amount: (minor / 100).toFixed(2), currency }
}

function grouped(rows, make) {
  const groups = new Map()
  for (const row of rows) {
    const group = groups.get(row.line_id)
    if (group) group.push(make(row))
    else groups.set(row.line_id, [make(row)])
  }
  return groups
}
