// Everything the page says to the API: POST for queries and mutations, a socket for subscriptions.
import { getOperationAST } from 'graphql';
import { createClient } from 'graphql-ws';

// The page stands at /graphiql/, so the endpoint is its neighbour, whatever prefix a proxy adds.
const endpoint = new URL('../graphql', location.href);
const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';

/**
 * Sends one operation. `extraHeaders` are those typed into GraphiQL, and win over the page's own.
 * What keeps an answer from coming is told as a GraphQL error, for GraphiQL prints a thrown one with its stack.
 */
export async function post(params, operator, extraHeaders = {}) {
  const headers = new Headers({
    'content-type': 'application/json',
    accept: 'application/graphql-response+json, application/json',
  });
  if (operator) headers.set('x-operator', operator);
  for (const [name, value] of Object.entries(extraHeaders)) headers.set(name, value);

  const request = { method: 'POST', credentials: 'same-origin', headers, body: JSON.stringify(params) };
  const response = await fetch(endpoint, request).catch(() => null);
  if (!response) return failure('The server cannot be reached');
  return response.json().catch(() => failure(`The server answered with status ${response.status} and no JSON`));
}

const failure = (message) => ({ errors: [{ message }] });

/** Runs a subscription on a socket of its own, which opens now and closes with the subscription. */
function subscribe(params, operator) {
  const client = createClient({
    url: socketEndpoint.href,
    connectionParams: operator ? { operator } : undefined,
    retryAttempts: 0,
  });
  const results = client.iterate(params);
  // Not an async generator: its `return` would wait for the next event before the socket closes.
  return {
    next: () => results.next().catch((error) => Promise.reject(readable(error))),
    return: () => results.return(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** GraphiQL prints what is thrown as JSON, and the JSON of a close event says nothing. */
function readable(error) {
  if (!(error instanceof CloseEvent)) return error;
  return { message: `The socket closed with code ${error.code}. ${error.reason}`.trim() };
}

/** The fetcher GraphiQL runs operations with. It asks for the operator each time, since it may change. */
export function createFetcher(currentOperator, afterMutation) {
  return (params, { headers, documentAST } = {}) => {
    const operation = documentAST && getOperationAST(documentAST, params.operationName)?.operation;
    if (operation === 'subscription') return subscribe(params, currentOperator());
    const answer = post(params, currentOperator(), headers);
    if (operation === 'mutation') answer.then(afterMutation);
    return answer;
  };
}
