import { ERRORS } from '../base/errors.ts';
import { programVersion } from '../base/version.ts';
import { openApiDocument } from '../contract/openapi.ts';
import type { CommonFlags, Context } from './context.ts';

/** What `/openapi.json` of this version says. */
export async function openapi({ io: { out } }: Context, flags: CommonFlags): Promise<number> {
  const document = openApiDocument({ version: programVersion(), errors: ERRORS });
  out.line(JSON.stringify(document, null, flags.json ? 0 : 2));
  return 0;
}
