import { existsSync } from 'node:fs';
import { type Config, loadConfig } from '../base/config.ts';
import { type AgentFile, prepareHome, readToken } from '../base/home.ts';
import type { Status } from '../contract/status.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseDuration } from './duration.ts';
import { fetchBody } from './http-client.ts';
import { type Launched, launch, type ServerFlags } from './launch.ts';
import { runnable } from './program-files.ts';
import { callableHost, createFinder, localTarget, requireLocal } from './target.ts';

export interface StartFlags extends CommonFlags, ServerFlags {
  foreground?: boolean;
  waitTimeout?: string;
}

export async function start(context: Context, flags: StartFlags): Promise<number> {
  requireLocal(createFinder(context), 'start');
  if (flags.foreground) {
    const { foreground } = await import('./foreground.ts');
    return foreground(context, flags);
  }
  printStarted(context, await startAgent(context, flags), flags);
  return 0;
}

export interface Started extends Launched {
  config: Config;
  status: Status;
  /** Where this very first start made a master key. */
  keyMadeAt?: string;
}

/** Ready, or already running. The settings are checked here first: the same words as the server's, sooner. */
export async function startAgent(context: Context, flags: StartFlags): Promise<Started> {
  const waitMs = parseDuration(flags.waitTimeout ?? '30s', '--wait-timeout');
  const { host, port, dashboardPort } = flags;
  const given = {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(dashboardPort === undefined ? {} : { dashboardPort }),
  };
  const { config } = await loadConfig({ flags: given, env: context.env, cwd: context.cwd });
  const paths = prepareHome(config.home);
  const hadKey = existsSync(paths.masterKey);
  const finder = createFinder(context);
  const { err } = context.io;
  if (err.isTerminal && !flags.json && !finder.running()) err.line(err.paint('dim', 'Starting…'));
  const launched = await launch(context, finder, given, waitMs);
  const status = await fetchBody<Status>(localTarget(launched.agent, readToken(finder.paths)), { path: '/v1/status' });
  const keyMadeAt = !hadKey && existsSync(paths.masterKey) ? paths.masterKey : undefined;
  return { ...launched, config, status, ...(keyMadeAt === undefined ? {} : { keyMadeAt }) };
}

interface Addresses {
  api: string;
  docs: string;
  dashboard: string;
}

/** Without a listener of its own the dashboard is on the API port. */
export function addressesOf(agent: AgentFile): Addresses {
  const host = callableHost(agent.host);
  const api = `http://${host}:${agent.port}`;
  const dashboard = agent.dashboardPort === 0 ? `${api}/ui/` : `http://${host}:${agent.dashboardPort}/`;
  return { api, docs: `${api}/docs`, dashboard };
}

export function printStarted(
  { io: { out, err } }: Context,
  { agent, status, wasRunning, config, keyMadeAt }: Started,
  flags: CommonFlags,
): void {
  const { api, docs, dashboard } = addressesOf(agent);
  const session = status.currentSession;
  const models = status.models.map((model) => model.name);
  if (flags.json) {
    const answer = {
      agentId: status.agentId,
      sessionId: session?.id ?? null,
      restored: session?.restored ?? false,
      messageCount: session?.messageCount ?? 0,
      api,
      docs,
      dashboard,
      models,
      pid: agent.pid,
      version: agent.version,
      alreadyRunning: wasRunning,
      ...(keyMadeAt === undefined ? {} : { keyMadeAt }),
    };
    out.line(JSON.stringify(answer));
    return;
  }
  out.line(out.paint('green', wasRunning ? '✅ Agent is already running' : '✅ Agent started successfully'));
  const row = (label: string, value: string) => out.line(`${out.paint('bold', label.padEnd(11))} ${value}`);
  row('Agent ID:', status.agentId);
  if (session) row('Session ID:', `${session.id}  ${sessionNote(session)}`);
  row('API:', `${api}   docs ${docs}`);
  row('Dashboard:', dashboard);
  row('Model:', modelLine(models, config));
  if (keyMadeAt !== undefined) {
    row('Key:', `${keyMadeAt} was made. Back it up apart from the data: without it nothing stored can be read.`);
  }
  row('Next:', runnable('holdfast chat "Hello!"  ·  holdfast logs -f  ·  holdfast stop'));
  const [model] = status.models.filter(({ state }) => state === 'bad_key');
  if (model) err.line(`${err.paint('yellow', 'Note:')} ${err.safe(model.name)} refuses its key. ${err.safe(model.fix ?? '')}`);
}

export function sessionNote(session: { restored: boolean; messageCount: number }): string {
  const messages = `${session.messageCount} ${session.messageCount === 1 ? 'message' : 'messages'}`;
  if (session.restored) return `(restored, ${messages})`;
  return session.messageCount === 0 ? '(new)' : `(new, ${messages})`;
}

function modelLine(models: string[], config: Config): string {
  if (models.join() !== 'demo') return models.join(', then ');
  return config.gemini.apiKey === undefined ? 'demo — no model key found; replies are canned' : 'demo — replies are canned';
}
