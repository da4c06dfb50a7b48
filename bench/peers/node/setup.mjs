// What the benchmark tells every peer: the operator's rules, the statements, the schema and the size of the pool.
import { readFileSync } from 'node:fs'

export const setup = JSON.parse(readFileSync(process.env.PEER_SETUP, 'utf8'))
export const port = Number(process.env.PORT)
