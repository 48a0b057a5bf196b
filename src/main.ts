// The server process: settings, app, signals, exit codes. Started by `holdfast start`, by a supervisor, or by hand.
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { type App, createApp } from './app.ts';
import { systemClock } from './base/clock.ts';
import { type Config, loadConfig, loadDataConfig, processEnv } from './base/config.ts';
import { ConfigError } from './base/errors.ts';
import { type HomePaths, prepareHome, removeAgentFile, writeAgentFile, writeStopped } from './base/home.ts';
import { createLogger, type Logger, type LogSink } from './base/log.ts';
import { createLogFile } from './base/log-file.ts';
import { createLogStdout } from './base/log-stdout.ts';
import { createTee } from './base/log-tee.ts';
import { processStart } from './base/process.ts';
import { programVersion } from './base/version.ts';

const LOG_FILE_BYTES_MAX = 10 * 1024 * 1024;
const LOG_FILES_MAX = 5;
/** Beyond the drain, what closing the rest may take before the process ends regardless. */
const CLOSE_MS_MAX = 5_000;
const EXIT = { ok: 0, failed: 1, config: 78 } as const;

interface Service {
  app: App;
  log: Logger;
  logFile: LogSink;
  paths: HomePaths;
  config: Config;
}

async function open(): Promise<Service> {
  const { values: flags } = parseArgs({
    options: { host: { type: 'string' }, port: { type: 'string' }, 'dashboard-port': { type: 'string' } },
    strict: true,
  });
  const { host, port, 'dashboard-port': dashboardPort } = flags;
  const { config, agent, warnings, uncallable } = await loadConfig({
    flags: { host, port, dashboardPort },
    env: processEnv(),
    cwd: process.cwd(),
  });
  const paths = prepareHome(config.home);
  const logFile = createLogFile({ path: paths.log, bytesMax: LOG_FILE_BYTES_MAX, filesMax: LOG_FILES_MAX });
  const sink = config.env === 'production' ? createTee(logFile, createLogStdout()) : logFile;
  const log = createLogger({ level: config.logLevel, sink, clock: systemClock });
  for (const { problem, fix } of warnings) process.stderr.write(`holdfast: ${problem}. Fix: ${fix}\n`);
  for (const { model, setting } of uncallable) log.warn('model.unconfigured', { model, setting });
  return {
    app: createApp(config, { log, agent, version: programVersion(), droppedLines: () => sink.dropped(), nextMasterKey }),
    log,
    logFile,
    paths,
    config,
  };
}

/** A key may change under a running agent: its file, `.env`. */
const nextMasterKey = () => loadDataConfig({ env: processEnv(), cwd: process.cwd() }).masterKey;

async function run(service: Service): Promise<void> {
  const { app, log, paths, config } = service;
  log.info('agent.starting', { pid: process.pid, version: programVersion(), state: config.env });
  const running = await app.start();
  writeAgentFile(paths, {
    pid: process.pid,
    processStart: processStart(process.pid) ?? '',
    host: config.host,
    port: running.port,
    dashboardPort: running.dashboardPort,
    agentId: running.agentId,
    version: programVersion(),
    startedAt: new Date().toISOString(),
  });
  log.info('agent.ready', { pid: process.pid, port: running.port, sessionId: running.sessionId ?? undefined });
  // In production stdout is JSON lines and nothing else.
  if (config.env === 'production') return;
  process.stdout.write(`Holdfast is ready on http://${urlHost(config.host)}:${running.port}\n`);
  if (running.keyMadeAt) {
    process.stdout.write(
      `A master key was made: ${running.keyMadeAt}\nBack it up, apart from the data: without it nothing stored can be read.\n`,
    );
  }
}

/** Drains and closes. A second signal, or a close that hangs, ends the process at once. */
function stopper(service: Service): (signal: NodeJS.Signals) => void {
  const { app, log, logFile, paths, config } = service;
  let asked = false;
  return (signal) => {
    if (asked) {
      log.warn('agent.stop_forced', { signal });
      logFile.flushSync();
      process.exit(EXIT.failed);
    }
    asked = true;
    const since = systemClock.monotonic();
    log.info('agent.stopping', { signal });
    systemClock.after(config.drainMs + CLOSE_MS_MAX, () => {
      log.error('agent.stop_timeout');
      logFile.flushSync();
      process.exit(EXIT.failed);
    });
    void app.stop().then(async ({ drained, sessionId }) => {
      const seconds = Math.round((systemClock.monotonic() - since) / 100) / 10;
      writeStopped(paths, { pid: process.pid, drained, seconds, sessionId });
      removeAgentFile(paths);
      log.info('agent.stopped', { count: drained, ms: seconds * 1_000 });
      await logFile.flush();
      process.exit(EXIT.ok);
    });
  };
}

/** A start that failed: what, why and how to mend it on stderr, never a stack. */
function explain(error: unknown, log?: Logger): number {
  if (error instanceof ConfigError) {
    process.stderr.write(`holdfast: ${error.message}\nFix: ${error.fix}\n`);
    log?.error('agent.start_refused', { error });
    return error.exitCode;
  }
  log?.error('agent.start_failed', { error });
  const name = error instanceof Error ? error.name : 'Error';
  const where = log ? 'holdfast doctor   # then: holdfast logs --level error' : 'holdfast config validate';
  process.stderr.write(`holdfast: the agent failed to start (${name}${codeOf(error)}).\nFix: ${where}\n`);
  return EXIT.failed;
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? ` ${String(error.code)}` : '');
const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** A broken invariant of ours: say so and end; a supervisor starts us again, and every accepted turn is recovered. */
function dieOnBugs({ log, logFile }: Service): void {
  const die = (event: string) => (error: unknown) => {
    log.error(event, { error });
    logFile.flushSync();
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', die('process.uncaught'));
  // Ours are all waited for. One that nobody waited for comes from an author's tool or middleware, and must not end everybody's turns.
  process.on('unhandledRejection', (error) => log.error('process.unhandled_rejection', { error }));
}

async function main(): Promise<void> {
  // Left alone, SIGUSR1 would open the debugger.
  process.on('SIGUSR1', () => undefined);
  process.on('SIGUSR2', () => undefined);
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  let service: Service | undefined;
  // As process 1 of a container nothing ends us but our own handler, so it is there before the settings are read.
  let stop = (signal: NodeJS.Signals): void => process.exit(128 + constants.signals[signal]);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  try {
    service = await open();
    dieOnBugs(service);
    stop = stopper(service);
    await run(service);
  } catch (error) {
    const code = explain(error, service?.log);
    service?.logFile.flushSync();
    process.exit(code);
  }
}

const [, , word, ...rest] = process.argv;
if (word === 'task') process.exitCode = await (await import('./tasks.ts')).runTask(rest);
else await main();
