// PostgreSQL for the Node peers: statements prepared by name, each on whichever connection of the pool is free.
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

/**
 * Connections to where PGHOST and its like say. `planOnce`: else PostgreSQL plans some statements anew for each request,
 * which takes it longer than to answer them. (Those that PostGraphile makes are answered sooner when it may choose.)
 */
export const openPool = ({ planOnce }) =>
  new pg.Pool({
    max: setup.pool,
    min: setup.pool,
    idleTimeoutMillis: 0,
    options: planOnce ? '-c plan_cache_mode=force_generic_plan' : undefined,
  })

/** Sends statements by their name. */
export class Reads {
  #pool

  constructor(pool) {
    this.#pool = pool
  }

  async rows(name, values, rowMode) {
    return (await this.#pool.query({ name, text: setup.statements[name], values, rowMode })).rows
  }
}
