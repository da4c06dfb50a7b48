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

// Settings come from PGHOST and its like.
export const pool = new pg.Pool({ max: setup.pool, min: setup.pool, idleTimeoutMillis: 0 })

/** The reads of one request: they share a connection, which is taken at the first read. */
export class Reads {
  #connection = null

  async rows(name, values) {
    this.#connection ??= pool.connect()
    const connection = await this.#connection
    return (await connection.query({ name, text: setup.statements[name], values })).rows
  }

  /** The first row by position. */
  async first(name, values) {
    this.#connection ??= pool.connect()
    const connection = await this.#connection
    return (await connection.query({ name, text: setup.statements[name], values, rowMode: 'array' })).rows[0]
  }

  async release() {
    if (this.#connection === null) return
    const connection = await this.#connection
    this.#connection = null
    connection.release()
  }
}
