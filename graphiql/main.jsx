import './workers.js';
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQLProvider } from '@graphiql/react';
import { GraphiQLInterface } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { Bar } from './bar.jsx';
import { examplesPlugin } from './examples-pane.jsx';
import { examples } from './examples.js';
import { createSession } from './session.js';
import { createFetcher } from './transport.js';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';

const session = createSession();
// A mutation run by hand may have signed somebody in or out, so the bar asks again.
const fetcher = createFetcher(() => session.current().operator, session.refresh);
const examplesPane = examplesPlugin(session);
const plugins = [DOC_EXPLORER_PLUGIN, examplesPane, explorerPlugin(), HISTORY_PLUGIN];

// The parts of `<GraphiQL>` are put together by hand, because the bar needs to stand inside the provider.
function Page() {
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      visiblePlugin={examplesPane}
      defaultQuery={examples[0].query}
    >
      <HistoryStore>
        <DocExplorerStore>
          <Bar session={session} />
          <GraphiQLInterface defaultEditorToolsVisibility />
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}

// The operator has to be known before the first operation is sent.
await session.start();
createRoot(document.getElementById('root')).render(<Page />);
