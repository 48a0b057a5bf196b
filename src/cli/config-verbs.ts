import { loadConfig, publicConfig } from '../base/config.ts';
import type { SettingSource } from '../base/setting-layers.ts';
import type { CommonFlags, Context } from './context.ts';
import { printWarnings } from './start.ts';

/** What the server would start with. Secrets are `[secret]`. */
export async function showConfig(context: Context, flags: CommonFlags & { sources?: boolean }): Promise<number> {
  const { sources } = await loadConfig(context);
  const { out } = context.io;
  if (flags.json) {
    out.line(JSON.stringify(flags.sources ? sources : publicConfig(sources)));
    return 0;
  }
  const nameWidth = Math.max(...sources.map(({ name }) => name.length));
  const valueWidth = Math.min(48, Math.max(...sources.map((source) => shownValue(source).length)));
  for (const source of sources) {
    const value = out.safe(shownValue(source));
    const note = source.note === undefined ? '' : ` (${source.note})`;
    const origin = out.paint('dim', flags.sources ? `  ${source.source}${note}` : note);
    out.line(`${source.name.padEnd(nameWidth)}  ${flags.sources ? value.padEnd(valueWidth) : value}${origin}`);
  }
  return 0;
}

const shownValue = (source: SettingSource): string => source.value ?? '–';

/** Silent trouble is for `start`; here everything wrong is named at once, exit 78. */
export async function validateConfig(context: Context, flags: CommonFlags): Promise<number> {
  const { config, sources, agent, warnings } = await loadConfig(context);
  const { out } = context.io;
  printWarnings(context, warnings);
  const [tools, middleware] = [namesIn(agent, 'tools'), namesIn(agent, 'middleware')];
  const given = sources.filter(({ source }) => source !== 'default' && source !== 'unset').length;
  if (flags.json) out.line(JSON.stringify({ valid: true, environment: config.env, models: config.models, tools, middleware, warnings }));
  else {
    out.line(
      `${out.paint('green', '✅ The settings are valid')} (${config.env}; ${given} set, the rest are defaults; models: ${config.models.join(', ')})`,
    );
    if (tools.length > 0) out.line(`Tools:      ${out.safe(tools.join(', '))}`);
    if (middleware.length > 0) out.line(`Middleware: ${out.safe(middleware.join(', '))}`);
  }
  return 0;
}

/** Of the project's own file, which has been checked by now. */
function namesIn(agent: unknown, key: 'tools' | 'middleware'): string[] {
  const list = (agent as Record<string, { name: string }[] | undefined> | undefined)?.[key] ?? [];
  return list.map(({ name }) => name);
}
