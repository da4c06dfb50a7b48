// Which rights a viewer has over a line or an account: the rules of Hearth's `domain/access.py`, on sets of bits.
import { setup } from './setup.mjs'

const NAMES = setup.scopes
const BIT = Object.fromEntries(NAMES.map((name, place) => [name, 1 << place]))
const bits = (names) => names.reduce((set, name) => set | BIT[name], 0)

export const { VIEW, USAGE } = BIT
const { DETAILS, PAY, BLOCK } = BIT
const OWN = bits(NAMES.slice(0, 10))
const OWN_AS_CHILD = OWN & ~bits(['AUTOPAY', 'LIMITS'])
const CONTRACT_HOLDER = bits(['PAY', 'TARIFF', 'BLOCK', 'DOCUMENTS', 'CLOSE'])
const LOOKING_BACK = bits(['VIEW', 'USAGE', 'DETAILS', 'DOCUMENTS'])
const SECONDARY = bits(['VIEW', 'USAGE', 'PAY'])
const NOT_AT_ONCE = bits(['AUTOPAY', 'DETAILS'])
const LOOK_AND_PAY = VIEW | PAY
const PARTIAL = bits(setup.partial_scopes)

// By the viewer's role: what everybody in it has, and what they have where the link says so.
const ON_CHILD = {
  OWNER: [OWN & ~DETAILS, DETAILS],
  ADULT: [PAY, bits(['VIEW', 'USAGE', 'AUTOPAY', 'SERVICES', 'BLOCK', 'LIMITS'])],
  VIEWER: [PAY, VIEW | USAGE],
  CHILD: [0, 0],
}
const ON_ADULT = {
  OWNER: [PAY, OWN],
  ADULT: [PAY, bits(['VIEW', 'USAGE', 'AUTOPAY', 'SERVICES', 'TARIFF', 'BLOCK'])],
  VIEWER: [PAY, VIEW | USAGE],
  CHILD: [0, 0],
}

const day = new Intl.DateTimeFormat('sv', { timeZone: setup.zone })

/** The rights that a row of the statements `lines` or `accounts` comes to, as bits. */
export function rights(row, level) {
  let all = 0
  if (row.holds_it) all |= row.is_child ? OWN_AS_CHILD : OWN
  if (row.holds_contract && !row.is_child) all |= CONTRACT_HOLDER
  if (row.has_ended) all &= LOOKING_BACK
  else if (row.grants !== null) for (const grant of row.grants) all |= byGrant(grant)
  if (setup.contract_holder_only && !row.holds_contract) all &= ~BLOCK
  if (level === 'PARTIAL') all &= row.holds_it ? PARTIAL : PAY
  return all
}

/** The names of rights, in the order of the specification. */
export function names(set) {
  const found = []
  for (let place = 0; place < NAMES.length; place++) if (set & (1 << place)) found.push(NAMES[place])
  return found
}

function byGrant([role, kind, scopes, holderRole, holderBorn, isFresh, ownerAbsent]) {
  const link = bits(scopes) & (isFresh ? ~NOT_AT_ONCE : ~0)
  const years = holderBorn === null ? null : age(holderBorn)
  const isChild = holderRole === 'CHILD'
  const grownUp = years !== null && years >= setup.age_of_majority
  const [always, byLink] = (isChild && !grownUp ? ON_CHILD : ON_ADULT)[role]
  let set = always | (byLink & link)
  if (isChild && !grownUp) {
    if (role === 'OWNER' && years !== null && years < setup.own_consent_age) set |= DETAILS
  } else if (isChild) {
    set &= LOOK_AND_PAY
    if (role === 'OWNER') set |= LOOK_AND_PAY
  } else if (!setup.details_scope_for_adults) set &= ~DETAILS
  if (ownerAbsent) set &= LOOK_AND_PAY
  return kind === 'SECONDARY' ? set & SECONDARY : set
}

function age(born) {
  const today = day.format()
  return today.slice(0, 4) - born.slice(0, 4) - (today.slice(5) < born.slice(5) ? 1 : 0)
}
