// The ready-made operations in examples/: one .graphql file each, and a .json file of the same name
// where it takes variables. The first comment line is the title, the rest of the comment the description.
import { post } from './transport.js';

const documents = import.meta.glob('./examples/*.graphql', { query: '?raw', import: 'default', eager: true });
const variables = import.meta.glob('./examples/*.json', { import: 'default', eager: true });

function readExample(path) {
  const query = documents[path];
  const comment = query.match(/^(?:#.*\n)+/)[0];
  const [title, ...description] = comment.trim().split('\n').map((line) => line.replace(/^#\s*/, ''));
  return {
    path,
    title,
    description: description.join(' '),
    query,
    variables: variables[path.replace(/graphql$/, 'json')],
  };
}

export const examples = Object.keys(documents).sort().map(readExample);

const FIRST_LINE = '{ viewer { linkedNumbers(first: 1) { edges { node { id } } } } }';

async function firstLine(operator) {
  const answer = await post({ query: FIRST_LINE }, operator);
  return answer.data?.viewer?.linkedNumbers.edges[0]?.node;
}

const TWO_TARIFFS = '{ tariffs(first: 2, filter: { kind: MOBILE }) { edges { node { id } } } }';

async function twoTariffs(operator) {
  const answer = await post({ query: TWO_TARIFFS }, operator);
  const [one, other] = answer.data?.tariffs.edges.map((edge) => edge.node.id) ?? [];
  return { one, other };
}

/** What the placeholders of the variables may name, as far as this session knows it. */
async function knownValues(text, { operator, demo }) {
  const line = text.includes('{{line.') ? await firstLine(operator) : undefined;
  const tariffs = text.includes('{{tariffs.') ? await twoTariffs(operator) : undefined;
  return { line, tariffs, owner: demo?.[operator]?.owner };
}

/** The variables as text, with `{{owner.msisdn}}` and the like filled in; an unknown one stays to be seen. */
export async function variablesText(example, session) {
  if (!example.variables) return '';
  const text = JSON.stringify(example.variables, null, 2);
  const known = await knownValues(text, session);
  return text.replace(/\{\{(\w+)\.(\w+)\}\}/g, (placeholder, thing, key) => known[thing]?.[key] ?? placeholder);
}
