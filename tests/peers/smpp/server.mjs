// An SMS centre on loopback, spoken to by its test in lines of JSON: orders on stdin, events on stdout.
//
// node server.mjs PORT PASSWORD     (port 0: any; the event `listening` tells which)
//
// Orders: {throttle: n, status}       answer the next n submits with that status
//         {receipt: 'DELIVRD', by}    answer each message with such a receipt, told `by` 'text' or 'options'
//         {mute: true}                answer nothing any more, as a centre that hangs
//         {deliver: {...}}            deliver a message from a person; the answer is the event `delivered`
//         {enquire: true}             ask whether the client is there; its answer is the event `enquired`
//         {raw: '00ff…'}              send these octets
//         {hang_up: true}             end the connection without a word
//         {forget: true}              be as at the start
// Each line of orders is answered by the event `ordered`.

import { createInterface } from 'node:readline';
import smpp from 'smpp';

const [port, password] = process.argv.slice(2);
const tell = (event, told = {}) => process.stdout.write(JSON.stringify({ event, ...told }) + '\n');

const kind = { throttle: 0, status: 0, receipt: null, by: 'options', mute: false };
const rules = { ...kind };
const collected = new Map();
let session = null;
let ids = 0;

const server = smpp.createServer((client) => {
  // A client that goes away in the middle is no business of the centre's.
  client.on('error', () => {});
  client.on('close', () => tell('closed'));
  client.on('bind_transceiver', (pdu) => {
    const welcome = pdu.system_id === 'hearth' && pdu.password === password;
    client.send(pdu.response({ command_status: welcome ? smpp.ESME_ROK : smpp.ESME_RINVPASWD }));
    if (!welcome) return;
    session = client;
    tell('bound', { version: pdu.interface_version });
  });
  client.on('enquire_link', (pdu) => {
    tell('enquire_link');
    if (!rules.mute) client.send(pdu.response());
  });
  client.on('unbind', (pdu) => {
    tell('unbound');
    client.send(pdu.response());
    client.close();
  });
  client.on('submit_sm', (pdu) => submitted(client, pdu));
});

function submitted(client, pdu) {
  if (rules.mute) return;
  if (rules.throttle > 0) {
    rules.throttle -= 1;
    client.send(pdu.response({ command_status: rules.status }));
    return;
  }
  const id = `id-${++ids}`;
  client.send(pdu.response({ message_id: id }));
  collect(pdu);
  if (rules.receipt && pdu.registered_delivery === 1) receipt(client, pdu, id);
}

// Puts the parts of a message together as a phone does, by sender, recipient and reference.
function collect(pdu) {
  const { udh, message } = pdu.short_message;
  const [reference, total, number] = udh ? [...udh[0].slice(2)] : [0, 1, 1];
  const key = [pdu.source_addr, pdu.destination_addr, reference, total].join();
  const parts = collected.get(key) ?? new Map();
  collected.set(key, parts.set(number, { message, registered: pdu.registered_delivery }));
  if (parts.size < total) return;
  collected.delete(key);
  const ordered = [...parts.entries()].sort(([a], [b]) => a - b).map(([, part]) => part);
  tell('message', {
    from: pdu.source_addr,
    to: pdu.destination_addr,
    types: [pdu.source_addr_ton, pdu.source_addr_npi, pdu.dest_addr_ton, pdu.dest_addr_npi],
    coding: pdu.data_coding,
    text: ordered.map((part) => part.message).join(''),
    lengths: ordered.map((part) => part.message.length),
    registered: ordered.map((part) => part.registered),
  });
}

function receipt(client, pdu, id) {
  const states = { DELIVRD: 2, EXPIRED: 3, UNDELIV: 5, ACCEPTD: 6, REJECTD: 8 };
  const byText = rules.by === 'text';
  const dates = 'submit date:2611010000 done date:2611010000';
  const text = `id:${id} sub:001 dlvrd:001 ${dates} stat:${rules.receipt} err:000 text:id:none stat:NONE`;
  client.deliver_sm(
    {
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      esm_class: 4,
      short_message: byText ? text : 'see the options',
      ...(byText ? {} : { receipted_message_id: id, message_state: states[rules.receipt] }),
    },
    (answer) => tell('receipt_answered', { status: answer.command_status }),
  );
}

const orders = {
  deliver: (message) => session.deliver_sm(message, (answer) => tell('delivered', { status: answer.command_status })),
  enquire: () => session.enquire_link({}, (answer) => tell('enquired', { status: answer.command_status })),
  raw: (octets) => session.socket.write(Buffer.from(octets, 'hex')),
  forget: () => {
    Object.assign(rules, kind);
    ids = 0;
  },
  hang_up: () => session.destroy(),
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    for (const [order, value] of Object.entries(JSON.parse(line))) {
      if (order in orders) orders[order](value);
      else rules[order] = value;
    }
    tell('ordered');
  })
  .on('close', () => process.exit());

server.listen(Number(port), '127.0.0.1', () => tell('listening', { port: server.address().port }));
