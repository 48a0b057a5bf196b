import { existsSync } from 'node:fs';
import { type Config, loadConfig } from '../base/config.ts';
import { prepareHome, readToken } from '../base/home.ts';
import type { SettingProblem } from '../base/setting-layers.ts';
import type { Status } from '../contract/status.ts';
import { addressesOf, mintLink } from './addresses.ts';
import type { CommonFlags, Context } from './context.ts';
import { parseDuration } from './duration.ts';
import { CliError } from './failure.ts';
import { fetchBody } from './http-client.ts';
import type { Channel } from './io.ts';
import { givenFlags, type Launched, launch, type ServerFlags } from './launch.ts';
import { runnable } from './program-files.ts';
import { createFinder, localTarget, requireLocal, type Target } from './target.ts';

export interface StartFlags extends CommonFlags, ServerFlags {
  foreground?: boolean;
  waitTimeout?: string;
}

export async function start(context: Context, flags: StartFlags): Promise<number> {
  requireLocal(createFinder(context), 'start');
  if (flags.foreground) {
    givenFlags(flags, 'start');
    const { foreground } = await import('./foreground.ts');
    return foreground(context, flags);
  }
  printStarted(context, await startAgent(context, flags), flags);
  return 0;
}

export interface Started extends Launched {
  config: Config;
  status: Status;
  warnings: SettingProblem[];
  /** Where this very first start made a master key. */
  keyMadeAt?: string;
  /** Signs in once; only for a person who looks at a terminal, in development. */
  link?: string;
}

/** Ready, or already running. The settings are checked here first: the same words as the server's, sooner. */
export async function startAgent(context: Context, flags: StartFlags): Promise<Started> {
  const waitMs = parseDuration(flags.waitTimeout ?? '30s', '--wait-timeout', 'holdfast start --wait-timeout 30s');
  const given = givenFlags(flags, 'start');
  const { config, warnings } = await loadConfig({ flags: given, env: context.env, cwd: context.cwd });
  const paths = prepareHome(config.home);
  const hadKey = existsSync(paths.masterKey);
  const finder = createFinder(context);
  const { err } = context.io;
  if (err.isTerminal && !flags.json && !finder.running()) err.line(err.paint('dim', 'Starting…'));
  const launched = await launch(context, finder, given, waitMs);
  const target = localTarget(launched.agent, readToken(finder.paths));
  const status = await fetchBody<Status>(target, { path: '/v1/status' });
  const isForPeople = context.io.out.isTerminal && !flags.json && status.environment === 'development';
  const link = isForPeople ? await linkOrNothing(target, addressesOf(launched.agent).dashboard) : undefined;
  const keyMadeAt = !hadKey && existsSync(paths.masterKey) ? paths.masterKey : undefined;
  return {
    ...launched,
    config,
    status,
    warnings,
    ...(keyMadeAt === undefined ? {} : { keyMadeAt }),
    ...(link === undefined ? {} : { link }),
  };
}

/** A disk that is full, say, must not make a start that succeeded look failed. */
async function linkOrNothing(target: Target, address: string): Promise<string | undefined> {
  try {
    return (await mintLink(target, address)).url;
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

export function printStarted(
  context: Context,
  { agent, status, wasRunning, config, keyMadeAt, link, warnings }: Started,
  flags: CommonFlags & ServerFlags,
): void {
  const { out, err } = context.io;
  printWarnings(context, warnings);
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
  row('Dashboard:', link === undefined ? dashboard : `${link}   (single use, 15 minutes)`);
  row('Model:', modelLine(models, config));
  if (keyMadeAt !== undefined) {
    row('Key:', `${keyMadeAt} was made. Back it up apart from the data: without it nothing stored can be read.`);
  }
  row('Next:', runnable('holdfast chat "Hello!"  ·  holdfast logs -f  ·  holdfast stop'));
  if (wasRunning) printFlagsIgnored(err, agent, flags);
  const [model] = status.models.filter(({ state }) => state === 'bad_key');
  if (model) err.line(`${err.paint('yellow', 'Note:')} ${err.safe(model.name)} refuses its key. ${err.safe(model.fix ?? '')}`);
}

/** Somebody who asked for another port must not go away thinking they have it. */
function printFlagsIgnored(err: Channel, agent: Launched['agent'], { host, port, dashboardPort }: ServerFlags): void {
  const unmet: [string, string][] = [];
  if (host !== undefined && host !== agent.host) unmet.push(['--host', host]);
  if (port !== undefined && port !== '0' && Number(port) !== agent.port) unmet.push(['--port', port]);
  if (dashboardPort !== undefined && Number(dashboardPort) !== agent.dashboardPort) unmet.push(['--dashboard-port', dashboardPort]);
  if (unmet.length === 0) return;
  const names = unmet.map(([name]) => name).join(' and ');
  err.line(`${err.paint('yellow', 'Note:')} ${names} had no effect: the agent was running already.`);
  err.line(`${err.paint('bold', 'Fix:')} ${err.safe(runnable(`holdfast restart ${unmet.map((pair) => pair.join(' ')).join(' ')}`))}`);
}

/** On stderr: what is printed for programs stays as it is. */
export function printWarnings({ io: { err } }: Context, warnings: readonly SettingProblem[]): void {
  for (const { problem, fix } of warnings) err.line(`${err.paint('yellow', 'Warning:')} ${err.safe(problem)}. Fix: ${err.safe(fix)}`);
}

export function sessionNote(session: { restored: boolean; messageCount: number }): string {
  const messages = `${session.messageCount} ${session.messageCount === 1 ? 'message' : 'messages'}`;
  if (session.restored) return `(restored, ${messages})`;
  return session.messageCount === 0 ? '(new)' : `(new, ${messages})`;
}

function modelLine(models: string[], config: Config): string {
  if (models.join() !== 'demo') return models.join(', then ');
  const { openai, anthropic, compatible } = config.others;
  const isKeyless = !(config.gemini.apiKey ?? openai ?? anthropic ?? compatible);
  return isKeyless ? 'demo — no model key found; replies are canned' : 'demo — replies are canned';
}
