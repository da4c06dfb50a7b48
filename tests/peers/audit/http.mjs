// The audit of GraphQL over HTTP by those who wrote the specification: `node http.mjs URL` prints each rule and how we
// keep it, as JSON lines.
import { auditServer } from 'graphql-http';

const results = await auditServer({
  url: process.argv[2],
  fetchFn: (url, options) => fetch(url, { ...options, signal: AbortSignal.timeout(20_000) }),
});
for (const { id, name, status, reason } of results) {
  console.log(JSON.stringify({ name: `${id} ${name}`, kept: status === 'ok', reason: reason ?? '' }));
}
