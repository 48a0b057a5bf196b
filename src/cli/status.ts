import { pause } from '../base/clock.ts';
import type { Alert } from '../contract/alert.ts';
import { adviceFor } from '../contract/failure-advice.ts';
import { isError } from '../contract/finding.ts';
import type { Health, Status } from '../contract/status.ts';
import { askStatus } from './ask-status.ts';
import type { CommonFlags, Context } from './context.ts';
import { humanDuration } from './duration.ts';
import { CliError, EXIT, usageError } from './failure.ts';
import { printFindings } from './findings.ts';
import { CallFailed, call, callError } from './http-client.ts';
import type { Channel } from './io.ts';
import { runnable } from './program-files.ts';
import { sessionNote } from './start.ts';
import { createFinder, type Finder, type Target } from './target.ts';

export interface StatusFlags extends CommonFlags {
  deep?: boolean;
  verbose?: boolean;
  check?: boolean;
  ready?: boolean;
  watch?: boolean;
}

const WATCH_MS = 2_000;
/** Below the time a container gives its health check, so that the reason is still printed. */
const READY_MS_MAX = 3_000;
const CLEAR_SCREEN = '\u001b[2J\u001b[H';

export async function status(context: Context, flags: StatusFlags): Promise<number> {
  if (flags.deep && flags.watch) throw usageError('--deep calls every model; it is not for every 2 s.', 'holdfast status --deep');
  if (flags.json && flags.watch) throw usageError('--json is one document, and --watch never ends.', 'holdfast status --json');
  if (flags.ready && (flags.watch || flags.check)) throw usageError('--ready asks one question and goes alone.', 'holdfast status --ready');
  const finder = createFinder(context);
  if (flags.ready) return ready(context, finder, flags);
  if (flags.watch) return watch(context, finder);
  return once(context, finder, flags);
}

async function once(context: Context, finder: Finder, flags: StatusFlags): Promise<number> {
  const { out, err } = context.io;
  let target: Target;
  try {
    target = finder.target();
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'not_running') throw error;
    if (flags.json) out.line(JSON.stringify({ running: false }));
    else {
      out.line('Agent is not running.');
      err.line(`${err.paint('bold', 'Fix:')} ${runnable(error.fix ?? '')}`);
    }
    return EXIT.unreachable;
  }
  const body = await askStatus(target, { deep: flags.deep === true });
  if (flags.json) out.line(JSON.stringify(body));
  else
    printStatus(out, body, {
      verbose: flags.verbose === true,
      address: finder.running()?.pid === undefined ? target.baseUrl : `${target.baseUrl} (pid ${body.pid})`,
    });
  const isWell = body.health === 'ok' && !body.findings?.some(isError);
  return flags.check && !isWell ? EXIT.failed : EXIT.done;
}

/** What supervisors ask: does it take messages? Needs no key, costs one request, and is not troubled by a model that is down. */
async function ready({ io: { out } }: Context, finder: Finder, flags: StatusFlags): Promise<number> {
  const target = finder.target();
  const answer = await call(target, { path: '/readyz', timeoutMs: READY_MS_MAX }).catch((error: unknown) => {
    throw error instanceof CallFailed ? callError(target, error) : error;
  });
  const isReady = answer.status === 200;
  const { state, status: health } = (answer.body ?? {}) as Partial<Health>;
  const why = state === 'ready' ? health : state;
  if (flags.json) out.line(JSON.stringify({ ready: isReady, state: state ?? null, health: health ?? null }));
  else out.line(isReady ? 'ready' : `not ready: ${out.safe(why ?? `HTTP ${answer.status}`)}`);
  return isReady ? EXIT.done : EXIT.failed;
}

/** Until Ctrl-C. An agent that comes and goes is shown as that. */
async function watch(context: Context, finder: Finder): Promise<number> {
  const interrupt = new AbortController();
  const release = context.onInterrupt(() => interrupt.abort());
  const { out } = context.io;
  try {
    while (!interrupt.signal.aborted) {
      if (out.isTerminal) out.write(CLEAR_SCREEN);
      try {
        await once(context, finder, {});
      } catch (error) {
        if (!(error instanceof CliError) || error.exit === EXIT.authentication) throw error;
        out.line(out.safe(error.message));
      }
      if (!out.isTerminal) out.line();
      await pause(context.clock, WATCH_MS, interrupt.signal);
    }
    return EXIT.interrupted;
  } finally {
    release();
  }
}

const MARKS = { ok: ['green', '●'], degraded: ['yellow', '●'], down: ['red', '●'] } as const;

const printRow = (out: Channel) => (label: string, value: string) => out.line(`${out.paint('bold', label.padEnd(11))} ${value}`);
const printMark = (out: Channel) => (health: Status['health']) => out.paint(MARKS[health][0], `${MARKS[health][1]} ${health}`);

function printStatus(out: Channel, body: Status, { address, verbose }: { address: string; verbose: boolean }): void {
  const safe = (text: string) => out.safe(text);
  const [row, mark] = [printRow(out), printMark(out)];
  row('Agent:', `${safe(body.name)}  ${body.agentId}  v${body.version}, ${body.environment}`);
  row('State:', `${body.state}, ${mark(body.health)}, up ${humanDuration(body.uptimeS)}`);
  row('Address:', address);
  row('Session:', body.currentSession ? `${body.currentSession.id}  ${sessionNote(body.currentSession)}` : 'none yet');
  row('Tools:', safe(body.tools.join(', ')));
  if (body.middleware.length > 0) row('Middleware:', safe(body.middleware.join(', ')));
  const { requests, stored, memory } = body;
  const outcomes = `${requests.completed} completed, ${requests.degraded} degraded, ${requests.failed} failed, ${requests.cancelled} cancelled, ${requests.open} open`;
  row('Requests:', `${requests.accepted} accepted (${requests.perMinute.toFixed(1)}/min): ${outcomes}`);
  const latency = requests.latencyMs;
  if (latency) row('Latency:', `p50 ${latency.p50.toFixed(0)} ms, p95 ${latency.p95.toFixed(0)} ms, p99 ${latency.p99.toFixed(0)} ms`);
  row('Stored:', `${counted(stored.sessions, 'session')}, ${counted(stored.turns, 'turn')}, ${counted(stored.messages, 'message')}`);
  row('Memory:', `${megabytes(memory.rssBytes)} resident, ${megabytes(memory.heapUsedBytes)} heap`);
  for (const [index, model] of body.models.entries()) {
    const note = model.name === 'demo' ? ' (replies are canned)' : '';
    const { lastFailure } = model;
    const advice = lastFailure === undefined ? undefined : adviceFor(lastFailure);
    const failure = advice === undefined ? '' : `, last failure ${safe(lastFailure ?? '')}: ${advice.cause}`;
    // It may be called, and its last call failed.
    const state = model.state === 'ok' && advice !== undefined ? 'failing' : model.state;
    const colour = state === 'ok' ? 'green' : state === 'open' || state === 'failing' ? 'yellow' : 'red';
    row(index === 0 ? 'Models:' : '', `${safe(model.name)}${note}  ${out.paint(colour, state)}${failure}`);
    const fix = model.fix ?? advice?.fix;
    if (fix !== undefined) row('', `Fix: ${safe(runnable(fix))}`);
  }
  printAlerts(out, body.alerts);
  if (body.auditHead) row('Audit:', `${body.auditHead.seq}:${body.auditHead.hash}`);
  if (body.findings) printFindings(out, body.findings, { verbose });
  else printChecks(out, body);
}

function printChecks(out: Channel, body: Status): void {
  const safe = (text: string) => out.safe(text);
  const [row, mark] = [printRow(out), printMark(out)];
  for (const [index, check] of Object.values(body.checks).entries()) {
    row(
      index === 0 ? 'Checks:' : '',
      `${mark(check.status)}  ${safe(check.id)}${check.detail === undefined ? '' : `  ${safe(check.detail)}`}`,
    );
    // A model's way out is said once, beside the model.
    if (check.fix !== undefined && !body.models.some((model) => `model:${model.name}` === check.id && model.fix === check.fix))
      row('', `Fix: ${safe(runnable(check.fix))}`);
  }
}

/** An agent of an earlier version says nothing of alerts. */
function printAlerts(out: Channel, alerts: readonly Alert[] = []): void {
  for (const [index, { severity, since, cause, fix }] of alerts.entries()) {
    const label = out.paint('bold', (index === 0 ? 'Alerts:' : '').padEnd(11));
    out.line(`${label} ${out.paint(severity === 'error' ? 'red' : 'yellow', severity)} since ${out.safe(since)}: ${out.safe(cause)}`);
    out.line(`${' '.repeat(12)}Fix: ${out.safe(runnable(fix))}`);
  }
}

const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(0)} MiB`;
