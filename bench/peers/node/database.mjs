// PostgreSQL for the Node peers: prepared statements by name, and one connection for each request, as Hearth has it.
import pg from 'pg'
import { setup } from './setup.mjs'

const BIGINT = 20
const TIMESTAMPTZ = 1184

// Ids and minor units are far below 2^53.
pg.types.setTypeParser(BIGINT, Number)
// A Date would lose the microseconds.
pg.types.setTypeParser(TIMESTAMPTZ, isoMoment)

/** `2026-11-21 18:30:00.25+00` as ISO 8601 has it in Hearth: `2026-11-21T18:30:00.250000+00:00`. */
function isoMoment(text) {
  const dot = text.indexOf('.')
  const fraction = dot < 0 ? '' : '.' + text.slice(dot + 1, -3).padEnd(6, '0')
  return text.slice(0, 10) + 'T' + text.slice(11, 19) + fraction + '+00:00'
}

// Where to is in PGHOST and its like. `planOnce`: else PostgreSQL plans some statements anew for each request, which takes
// it longer than to answer them. (PostGraphile's own statements are answered sooner when it may choose.)
export const openPool = ({ planOnce }) =>
  new pg.Pool({
    max: setup.pool,
    min: setup.pool,
    idleTimeoutMillis: 0,
    options: planOnce ? '-c plan_cache_mode=force_generic_plan' : undefined,
  })

/** The reads of one request: they share a connection, which is taken at the first read. */
export class Reads {
  #pool
  #connection = null

  constructor(pool) {
    this.#pool = pool
  }

  async rows(name, values, rowMode) {
    this.#connection ??= this.#pool.connect()
    const connection = await this.#connection
    return (await connection.query({ name, text: setup.statements[name], values, rowMode })).rows
  }

  async release() {
    if (this.#connection === null) return
    const connection = await this.#connection
    this.#connection = null
    connection.release()
  }
}
