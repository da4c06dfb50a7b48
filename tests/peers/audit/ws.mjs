// graphql-transport-ws as its reference client speaks it, and as nobody should: `node ws.mjs URL` prints each rule and
// how we keep it, as JSON lines. PARAMS is the payload of connection_init.
//
// ENDING is a subscription that ends by itself after `ENDING_EVENTS` events, LASTING one that tells three or more at
// once and goes on.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url] = process.argv.slice(2);
const connectionParams = JSON.parse(process.env.PARAMS);
const { ENDING, LASTING } = process.env;
const expected = Number(process.env.ENDING_EVENTS);
const QUERY = '{ viewer { id } }';
const PATIENCE = 15_000;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const check = (holds, what) => {
  if (!holds) throw new Error(what);
};

const client = (options = {}) =>
  createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams, ...options });

const collect = (by, query) =>
  new Promise((resolve, reject) => {
    const answers = [];
    by.subscribe({ query }, { next: (answer) => answers.push(answer), error: reject, complete: () => resolve(answers) });
  });

async function raw(...subprotocols) {
  const socket = new WebSocket(url, subprotocols.length ? subprotocols : ['graphql-transport-ws']);
  socket.said = [];
  socket.on('message', (message) => socket.said.push(JSON.parse(message)));
  socket.closed = new Promise((resolve) => socket.on('close', resolve));
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  return socket;
}

async function init(socket) {
  socket.send(JSON.stringify({ type: 'connection_init', payload: connectionParams }));
  while (!socket.said.some(({ type }) => type === 'connection_ack')) await pause(10);
}

const subscribe = (query, id = '1') => JSON.stringify({ id, type: 'subscribe', payload: { query } });

const conversations = {
  'a subscription delivers its events and completes': async () => {
    const by = client();
    check((await collect(by, ENDING)).length === expected, 'another number of events');
    await by.dispose();
  },
  'a query is answered over the socket': async () => {
    const by = client();
    const [answer, ...more] = await collect(by, QUERY);
    check(answer.data && !more.length, JSON.stringify(answer));
    await by.dispose();
  },
  'two operations share a socket': async () => {
    const by = client();
    const both = await Promise.all([collect(by, ENDING), collect(by, QUERY)]);
    check(both[0].length === expected && both[1].length === 1, JSON.stringify(both));
    await by.dispose();
  },
  'an invalid document is answered by an error, and the socket lives on': async () => {
    const by = client();
    const errors = await collect(by, '{ nope }').then(() => null, (error) => error);
    check(Array.isArray(errors), `no list of errors: ${JSON.stringify(errors)}`);
    check((await collect(by, QUERY)).length === 1, 'the socket is dead');
    await by.dispose();
  },
  'unsubscribing ends the events': async () => {
    const by = client();
    let events = 0;
    await new Promise((resolve, reject) => {
      const stop = by.subscribe(
        { query: LASTING },
        { next: () => ++events === 3 && (stop(), resolve()), error: reject, complete: () => {} },
      );
    });
    await pause(500);
    check(events === 3, `${events} events`);
    await by.dispose();
  },
  'a ping is answered by a pong': async () => {
    let pongs = 0;
    const by = client({ lazy: false, keepAlive: 100, on: { pong: () => pongs++ } });
    while (pongs < 3) await pause(50);
    await by.dispose();
  },
  'no other subprotocol is spoken': async () => {
    const refused = await raw('nope').then((socket) => socket.closed, (error) => error.message);
    check(refused === 4406 || /40[0-9]|426|subprotocol/.test(refused), `${refused}`);
  },
  'completing what is not known is passed over': async () => {
    const socket = await raw();
    await init(socket);
    socket.send('{"id":"unknown","type":"complete"}');
    socket.send('{"type":"ping"}');
    while (!socket.said.some(({ type }) => type === 'pong')) await pause(10);
    socket.close();
  },
  'an id is free again after its operation': async () => {
    const socket = await raw();
    await init(socket);
    for (const times of [1, 2]) {
      socket.send(subscribe(QUERY));
      while (socket.said.filter(({ type }) => type === 'complete').length < times) await pause(10);
    }
    socket.close();
  },
};

const closings = {
  'subscribing before connection_init closes with 4401': [4401, (socket) => socket.send(subscribe(QUERY))],
  'a second connection_init closes with 4429': [4429, (socket) => socket.send('{"type":"connection_init"}'), init],
  'an id that is taken closes with 4409': [
    4409,
    (socket) => [0, 1].forEach(() => socket.send(subscribe(LASTING))),
    init,
  ],
  'no connection_init in time closes with 4408': [4408, () => {}],
  'what is not JSON closes with 4400': [4400, (socket) => socket.send('{')],
  'a binary message closes with 4400': [4400, (socket) => socket.send(Buffer.from([1, 2, 3])), init],
};
const malformed = {
  'an unknown type': '{"type":"nope"}',
  'a list': '[]',
  'null': 'null',
  'a payload that is a list': '{"id":"1","type":"subscribe","payload":[]}',
  'an id that is an object': '{"id":{},"type":"subscribe","payload":{"query":"{__typename}"}}',
};
for (const [name, message] of Object.entries(malformed)) {
  closings[`${name} closes with 4400`] = [4400, (socket) => socket.send(message), init];
}
for (const [name, [code, send, first]] of Object.entries(closings)) {
  conversations[name] = async () => {
    const socket = await raw();
    await first?.(socket);
    send(socket);
    const closed = await socket.closed;
    check(closed === code, `closed with ${closed}`);
  };
}

const late = () => pause(PATIENCE).then(() => Promise.reject(new Error('nothing happened')));
await Promise.all(
  Object.entries(conversations).map(async ([name, talk]) => {
    const reason = await Promise.race([talk(), late()]).then(() => '', (error) => error.message ?? JSON.stringify(error));
    console.log(JSON.stringify({ name, kept: !reason, reason }));
  }),
);
process.exit(0);
