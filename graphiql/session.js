// Who is signed in, at which operator, and who could be. The server keeps the session in an HttpOnly
// cookie, so nothing secret is stored here; only the choice of operator is remembered.
import { useSyncExternalStore } from 'react';
import { post } from './transport.js';

const OPERATOR_KEY = 'hearth:operator';

const WHO = '{ viewer { user { displayName } household { name } } }';
const SIGN_IN = `mutation SignIn($input: SignInWithPasswordInput!) {
  signInWithPassword(input: $input) { userErrors { code message } }
}`;
const SIGN_OUT = 'mutation SignOut { signOut(input: {}) { userErrors { code message } } }';

/** The demo people per operator, or null: the address exists only in development. */
async function fetchDemo() {
  const response = await fetch(new URL('../dev/demo', location.href), {
    credentials: 'same-origin',
    headers: { accept: 'application/json' },
  });
  return response.ok ? response.json() : null;
}

/** The operator chosen last time, if it is still served; otherwise the first, the server's default. */
function rememberedOperator(demo) {
  const served = Object.keys(demo ?? {});
  const remembered = localStorage.getItem(OPERATOR_KEY);
  return served.includes(remembered) ? remembered : (served[0] ?? null);
}

/** Throws what an answer complains about, be it a GraphQL error or a user error. */
function refuse(answer, field) {
  const complaint = answer.errors?.[0] ?? answer.data?.[field]?.userErrors?.[0];
  if (complaint) throw new Error(complaint.message);
}

export function createSession() {
  let state = { operator: null, demo: null, viewer: null, busy: false, problem: '' };
  const listeners = new Set();

  function update(change) {
    state = { ...state, ...change };
    for (const listener of listeners) listener();
  }

  /** Runs one change, with the controls held, and shows what went wrong if anything did. */
  async function attempt(change) {
    update({ busy: true, problem: '' });
    try {
      await change();
    } catch (error) {
      update({ problem: error.message });
    } finally {
      update({ busy: false });
    }
  }

  async function refreshViewer() {
    const answer = await post({ query: WHO }, state.operator);
    update({ viewer: answer.data?.viewer ?? null });
    refuse(answer, 'viewer');
  }

  return {
    current: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    async start() {
      await attempt(async () => {
        const demo = await fetchDemo();
        update({ demo, operator: rememberedOperator(demo) });
        await refreshViewer();
      });
    },
    refresh: () => attempt(refreshViewer),
    chooseOperator(operator) {
      localStorage.setItem(OPERATOR_KEY, operator);
      update({ operator });
      return attempt(refreshViewer);
    },
    signIn({ msisdn, password }) {
      return attempt(async () => {
        const variables = { input: { identifier: msisdn, password } };
        refuse(await post({ query: SIGN_IN, variables }, state.operator), 'signInWithPassword');
        await refreshViewer();
      });
    },
    signOut() {
      return attempt(async () => {
        refuse(await post({ query: SIGN_OUT }, state.operator), 'signOut');
        await refreshViewer();
      });
    },
  };
}

export const useSession = (session) => useSyncExternalStore(session.subscribe, session.current);
