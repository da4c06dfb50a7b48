import { DropdownMenu, pick, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { getOperationAST } from 'graphql';
import { useSession } from './session.js';
import flame from './flame.svg';

/**
 * Runs the open query again, so that the response pane never goes on showing the person before.
 * A mutation is left alone: nobody asked for it a second time.
 */
function useRerunQuery() {
  const { run, stop } = useGraphiQLActions();
  const { documentAST, operationName } = useGraphiQL(pick('documentAST', 'operationName'));

  return () => {
    stop();
    if (documentAST && getOperationAST(documentAST, operationName)?.operation === 'query') run();
  };
}

/** Everybody of an operator's demo who can sign in, as `{ label, msisdn, password }`, the owner first. */
function demoPeople({ owner, members, strangers }) {
  const named = [
    { ...owner, role: 'OWNER' },
    ...members,
    ...strangers.map((stranger) => ({ ...stranger, role: 'STRANGER' })),
  ];
  return named
    .filter(({ password }) => password)
    .map(({ name, role, msisdn, password }) => ({ label: name ?? msisdn, role: role.toLowerCase(), msisdn, password }));
}

function OperatorSelect({ operators, chosen, disabled, onChoose }) {
  return (
    <label className="hearth-operator">
      Operator
      <select value={chosen} disabled={disabled} onChange={(event) => onChoose(event.target.value)}>
        {operators.map((operator) => (
          <option key={operator} value={operator}>
            {operator}
          </option>
        ))}
      </select>
    </label>
  );
}

function PeopleMenu({ people, disabled, onSignIn }) {
  return (
    // A modal menu would hide the rest of the page from assistive technology while it is open.
    <DropdownMenu modal={false}>
      <DropdownMenu.Button className="hearth-button" disabled={disabled}>
        Sign in as…
      </DropdownMenu.Button>
      <DropdownMenu.Content className="hearth-people" align="end">
        {people.map((person) => (
          <DropdownMenu.Item key={person.msisdn} onSelect={() => onSignIn(person)}>
            <span>{person.label}</span>
            <small>
              {person.role} · {person.msisdn}
            </small>
          </DropdownMenu.Item>
        ))}
      </DropdownMenu.Content>
    </DropdownMenu>
  );
}

function WhoIsSignedIn({ viewer, problem }) {
  // The region is announced when it changes, since the buttons that change it stand elsewhere.
  return (
    <p className="hearth-who" role="status">
      {problem && <strong className="hearth-problem">{problem}</strong>}
      {viewer ? (
        <>
          <strong>{viewer.user.displayName}</strong>
          {viewer.household && <span>{viewer.household.name}</span>}
        </>
      ) : (
        <span>Not signed in</span>
      )}
    </p>
  );
}

function DemoControls({ people, signedIn, busy, onSignIn }) {
  return (
    <>
      {!signedIn && (
        <button type="button" className="hearth-button hearth-primary" disabled={busy} onClick={() => onSignIn(people[0])}>
          Sign in as the demo owner
        </button>
      )}
      <PeopleMenu people={people} disabled={busy} onSignIn={onSignIn} />
    </>
  );
}

/** The bar above GraphiQL. What only development has (operators, demo people, inbox) needs `demo`. */
export function Bar({ session }) {
  const { operator, demo, viewer, busy, problem } = useSession(session);
  const rerunQuery = useRerunQuery();
  const thenRerun = (change) => async (argument) => {
    await change(argument);
    rerunQuery();
  };

  return (
    <header className="hearth-bar">
      <h1>
        <img src={flame} alt="" />
        Hearth
      </h1>
      {demo && (
        <OperatorSelect
          operators={Object.keys(demo)}
          chosen={operator}
          disabled={busy}
          onChoose={thenRerun(session.chooseOperator)}
        />
      )}
      <WhoIsSignedIn viewer={viewer} problem={problem} />
      {demo && (
        <DemoControls
          people={demoPeople(demo[operator])}
          signedIn={viewer !== null}
          busy={busy}
          onSignIn={thenRerun(session.signIn)}
        />
      )}
      {viewer && (
        <button type="button" className="hearth-button" disabled={busy} onClick={thenRerun(session.signOut)}>
          Sign out
        </button>
      )}
      {demo && (
        <a className="hearth-button" href="../dev/inbox" target="_blank" rel="noreferrer">
          Inbox
        </a>
      )}
    </header>
  );
}
