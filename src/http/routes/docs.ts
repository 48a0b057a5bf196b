import { ERRORS } from '../../base/errors.ts';
import { openApiDocument } from '../../contract/openapi.ts';
import type { HandlersOf, Reply } from '../call.ts';
import { DOCS_PAGE, DOCS_STYLE } from '../docs-page.ts';
import { DOCS_SCRIPT } from '../docs-script.ts';

const file = (type: string, body: string): Reply => ({ status: 200, headers: { 'content-type': `${type}; charset=utf-8` }, body });

/** The document is made when first asked for: starting does not pay for it, and tables do not change while a process runs. */
export function docsHandlers(version: string): HandlersOf<'openapi' | 'docs' | 'docsScript' | 'docsStyle'> {
  let document: string | undefined;
  const [page, script, style] = [file('text/html', DOCS_PAGE), file('text/javascript', DOCS_SCRIPT), file('text/css', DOCS_STYLE)];
  return {
    openapi() {
      document ??= JSON.stringify(openApiDocument({ version, errors: ERRORS }));
      return { status: 200, body: document };
    },
    docs: () => page,
    docsScript: () => script,
    docsStyle: () => style,
  };
}
