// `graphql-sse` as its authors made it: runs the operations that are given as JSON, and prints what each is told.
// An operation with `events` is ended by the client after so many; every other one by the server.
import { createClient } from 'graphql-sse';

const [url, headers, operations] = [process.argv[2], JSON.parse(process.argv[3]), JSON.parse(process.argv[4])];
const client = createClient({ url, headers, retryAttempts: 0 });

const run = async ({ name, events, ...payload }) => {
  const told = { name, answers: [], ended: 'by the server' };
  try {
    for await (const answer of client.iterate(payload)) {
      told.answers.push(answer);
      if (told.answers.length === events) {
        told.ended = 'by the client';
        break;
      }
    }
  } catch (error) {
    told.ended = String(error.message ?? error);
  }
  console.log(JSON.stringify(told));
};

await Promise.all(operations.map(run));
