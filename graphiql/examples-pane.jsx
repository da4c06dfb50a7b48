import { pick, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { examples, variablesText } from './examples.js';

function ExamplesIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M8 6h12M8 12h12M8 18h12" strokeLinecap="round" />
      <path d="M3.5 4.5v3l2-1.5zM3.5 10.5v3l2-1.5zM3.5 16.5v3l2-1.5z" fill="currentColor" strokeLinejoin="round" />
    </svg>
  );
}

function useOpenExample(session) {
  const { addTab } = useGraphiQLActions();
  const { queryEditor, variableEditor } = useGraphiQL(pick('queryEditor', 'variableEditor'));

  return async (example) => {
    const variables = await variablesText(example, session.current());
    addTab();
    // The editors tell GraphiQL what they hold, so the new tab takes its title and contents from them.
    queryEditor.setValue(example.query);
    variableEditor.setValue(variables);
  };
}

/** A GraphiQL plugin: the list of the cabinet's screens, each opening its operation in a new tab. */
export function examplesPlugin(session) {
  function ExamplesPane() {
    const open = useOpenExample(session);
    return (
      <section className="hearth-examples" aria-label="Examples">
        <h2>Examples</h2>
        <p>One operation for every screen of the cabinet. Each opens in a new tab.</p>
        <ul>
          {examples.map((example) => (
            <li key={example.path}>
              <button type="button" onClick={() => open(example)}>
                <strong>{example.title}</strong>
                <span>{example.description}</span>
              </button>
            </li>
          ))}
        </ul>
      </section>
    );
  }
  return { title: 'Examples', icon: ExamplesIcon, content: ExamplesPane };
}
