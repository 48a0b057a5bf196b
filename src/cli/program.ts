// The command line's grammar. Every verb's code is loaded when it is run.
import { Command, CommanderError } from 'commander';
import { nearNames } from '../base/near-name.ts';
import type { Context } from './context.ts';
import { EXIT } from './failure.ts';

export interface Invocation {
  json: boolean;
  debug: boolean;
}

/** `invocation` is filled in as soon as the flags are known; `done` gets the exit code of the verb. */
export function createProgram(context: Context, done: (exit: number) => void, invocation: Invocation): Command {
  const { out, err } = context.io;
  const program = new Command('holdfast')
    .description('A self-hosted AI agent server. Every accepted message is stored, answered exactly once, encrypted and auditable.')
    .option('-v, --version', 'print the version')
    // Otherwise `-v` after a verb would be the program's.
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      getOutHelpWidth: () => (out.isTerminal ? out.columns : 100),
      getErrHelpWidth: () => (err.isTerminal ? err.columns : 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      // Ours are printed where the error is caught.
      outputError: () => undefined,
    })
    .addHelpText(
      'after',
      '\nExamples:\n  holdfast start\n  holdfast chat "Hello!"\n  holdfast status\n  holdfast logs -f\n  holdfast stop',
    );
  const add = adder(program, invocation, done);
  addLifecycle(add, context);
  addUse(add, context);
  addSessions(add, program.command('sessions').description('list, show, export or delete sessions'), context);
  addKeys(add, program.command('keys').description('API keys: make, list or revoke them'), context);
  addAudit(add, program.command('audit').description('what was done, by whom, in a chain that shows tampering'), context);
  addSettings(add, program.command('config').description('show or check the settings'), context);
  return program;
}

type Add = (parent: Command | undefined, usage: string, description: string) => Verb;

interface Verb {
  command: Command;
  /** Words of the command line, then its flags. */
  run(action: (words: (string | undefined)[], flags: Record<string, never>) => Promise<number>): void;
}

/** Every verb has `--json` and `--debug`. */
function adder(program: Command, invocation: Invocation, done: (exit: number) => void): Add {
  return (parent, usage, description) => {
    const command = (parent ?? program).command(usage).description(description);
    command.option('--json', 'print exactly one JSON document').option('--debug', 'print the stack of an error');
    return {
      command,
      run(action) {
        command.action(async (...given: unknown[]) => {
          const flags = command.opts<{ json?: boolean; debug?: boolean }>();
          Object.assign(invocation, { json: flags.json === true, debug: flags.debug === true });
          const words = given.slice(0, -2) as (string | undefined)[];
          done(await action(words, flags as Record<string, never>));
        });
      },
    };
  };
}

function addLifecycle(add: Add, context: Context): void {
  const addServerFlags = ({ command }: Verb) =>
    command
      .option('--host <address>', 'address to listen on (HOST)')
      .option('--port <port>', 'port of the API (PORT)')
      .option('--dashboard-port <port>', 'port of the dashboard, 0 for none of its own (DASHBOARD_PORT)')
      .option('--wait-timeout <duration>', 'how long to wait until it is ready', '30s');
  const start = add(undefined, 'start', 'start the agent in the background and return when it is ready');
  addServerFlags(start).option('--foreground', 'run the server in this terminal');
  start.run(async (_, flags) => (await import('./start.ts')).start(context, flags));
  const status = add(undefined, 'status', 'state, session, figures and health of each part');
  status.command
    .option('--deep', 'look closer: seconds, and one small labelled call to each model')
    .option('--verbose', 'with --deep: also show each check that is well')
    .option('--check', 'exit 1 unless everything is healthy')
    .option('--ready', 'print one word; exit 0 when it takes messages, 1 when it does not yet or no more')
    .option('--watch', 'show it again every 2 s');
  status.run(async (_, flags) => (await import('./status.ts')).status(context, flags));
  const doctor = add(undefined, 'doctor', 'what is wrong and how to mend it, with or without a running agent; exit 1 on errors');
  doctor.command.option('--verbose', 'also show each check that is well');
  doctor.run(async (_, flags) => (await import('./doctor.ts')).doctor(context, flags));
  const stop = add(undefined, 'stop', 'finish open turns, save and stop');
  stop.command.option('--timeout <duration>', 'how long to wait', '30s').option('--force', 'kill it after that');
  stop.run(async (_, flags) => (await import('./stop.ts')).stop(context, flags));
  const restart = add(undefined, 'restart', 'stop, then start with the settings as they are now');
  addServerFlags(restart).option('--timeout <duration>', 'how long to wait for the stop', '30s').option('--force', 'kill it after that');
  restart.run(async (_, flags) => (await import('./restart.ts')).restart(context, flags));
}

function addUse(add: Add, context: Context): void {
  const chat = add(
    undefined,
    'chat [message...]',
    'send a message, with what is piped in after it; "-" waits for standard input, no message starts a conversation',
  );
  chat.command
    .option('-s, --session <id>', 'continue this session instead of the current one')
    .option('--new', 'start a new current session')
    .option('-m, --model <model>', 'try this provider/model first')
    .option('--no-stream', 'print the reply when it is whole')
    .option('--timeout <duration>', "the turn's deadline", '60s')
    .option('--fail-on-degraded', 'exit 6 when no model could answer');
  chat.run(async ([message], flags) => (await import('./chat.ts')).chat(context, (message ?? []) as string[], flags));
  add(undefined, 'dashboard', 'print a link that signs in to the dashboard, once').run(async (_, flags) =>
    (await import('./dashboard.ts')).dashboard(context, flags),
  );
  const logs = add(undefined, 'logs', 'recent log lines; with --json as they are, one JSON document a line');
  logs.command
    .option('-f, --follow', 'go on with new lines')
    .option('-n, --lines <count>', 'how many', '100')
    .option('--since <when>', 'a duration such as 10m, or an ISO 8601 time')
    .option('--level <level>', 'debug, info, warn or error and above')
    .option('--session <id>', 'only this session')
    .option('--turn <id>', 'only this turn');
  logs.run(async (_, flags) => (await import('./logs.ts')).logs(context, flags));
}

function addSessions(add: Add, sessions: Command, context: Context): void {
  const list = add(sessions, 'list', 'newest first; * marks the current one');
  list.command.option('--limit <count>', 'how many', '50');
  list.run(async (_, flags) => (await import('./sessions.ts')).listSessions(context, flags));
  add(sessions, 'show [id]', 'a session with its messages; without id the current one').run(async ([id], flags) =>
    (await import('./sessions.ts')).showSession(context, id, flags),
  );
  const exported = add(sessions, 'export [id]', 'a session with its messages as JSON');
  exported.command.option('-o, --output <file>', 'write a new file, readable by you alone');
  exported.run(async ([id], flags) => (await import('./sessions.ts')).exportSession(context, id, flags));
  const deleted = add(sessions, 'delete <id>', 'erase a session for good');
  deleted.command.option('-y, --yes', 'do not ask');
  deleted.run(async ([id], flags) => (await import('./sessions.ts')).deleteSession(context, id ?? '', flags));
}

function addKeys(add: Add, keys: Command, context: Context): void {
  const create = add(keys, 'create <name>', 'make a key and print it, this once; the name says who or what uses it');
  create.command
    .option('--role <role>', 'client (uses the agent, sees what it made) or admin (everything)', 'client')
    .option('--expires <duration>', 'when it ends by itself, such as 90d; never without it');
  create.run(async ([name], flags) => (await import('./keys.ts')).createKey(context, name ?? '', flags));
  const list = add(keys, 'list', 'newest first');
  list.command.option('--limit <count>', 'how many', '50').option('--revoked', 'show revoked keys too');
  list.run(async (_, flags) => (await import('./keys.ts')).listKeys(context, flags));
  add(keys, 'revoke <id>', 'end a key, its sign-ins and its open streams, at once').run(async ([id], flags) =>
    (await import('./keys.ts')).revokeKey(context, id ?? '', flags),
  );
}

function addAudit(add: Add, audit: Command, context: Context): void {
  const list = add(audit, 'list', 'newest first');
  list.command
    .option('--limit <count>', 'how many', '50')
    .option('--action <action>', 'only this action, such as session.delete')
    .option('--principal <id>', 'only what this principal did')
    .option('--since <when>', 'a duration such as 10m, or an ISO 8601 time');
  list.run(async (_, flags) => (await import('./audit-list.ts')).listAudit(context, flags));
  const verify = add(audit, 'verify', 'judge the whole chain, with or without a running agent; exit 1 on findings');
  verify.command.option('--head <seq:hash...>', 'a head noted elsewhere: shows a cut end and an older copy put back');
  verify.run(async (_, flags) => (await import('./audit-verify.ts')).verifyAudit(context, flags));
}

function addSettings(add: Add, config: Command, context: Context): void {
  const show = add(config, 'show', 'settings as the server would take them, secrets hidden');
  show.command.option('--sources', 'say where each comes from');
  show.run(async (_, flags) => (await import('./config-verbs.ts')).showConfig(context, flags));
  add(config, 'validate', 'name everything that is wrong, exit 78').run(async (_, flags) =>
    (await import('./config-verbs.ts')).validateConfig(context, flags),
  );
  const openapi = add(undefined, 'openapi', 'print the API as an OpenAPI 3.1 document; no agent is needed');
  openapi.run(async (_, flags) => (await import('./openapi.ts')).openapi(context, flags));
  add(undefined, 'version', 'print the version').run(async (_, flags) => (await import('./version.ts')).version(context, flags));
}

export interface Mistake {
  exit: number;
  message?: string;
  fix?: string;
}

/** What a commander error means to people. No message: help or a version was asked for and printed. */
export function explainMistake(error: CommanderError, program: Command, argv: readonly string[]): Mistake {
  if (error.exitCode === 0) return { exit: EXIT.done };
  if (error.code === 'commander.help') return { exit: EXIT.usage };
  const command = commandOf(program, argv);
  const path = commandPath(command);
  const said = error.message.replace(/^error: /, '').replace(/\.$/, '');
  const wrong = /'([^']*)'/.exec(said)?.[1] ?? '';
  const near = nearNames(wrong, candidates(error, command), true).filter((name) => name !== wrong);
  const guess = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
  const fix =
    near[0] === undefined
      ? `${path} --help`
      : `${error.code === 'commander.unknownCommand' ? '' : `${path} `}${fixWord(error, path, near[0])}${error.code === 'commander.unknownOption' ? valueAfter(wrong, argv) : ''}`;
  const dash =
    error.code === 'commander.unknownOption' && command.name() === 'chat' ? ' A message that begins with a dash comes after --.' : '';
  return { exit: EXIT.usage, message: `${said.charAt(0).toUpperCase()}${said.slice(1)}.${guess}${dash}`, fix };
}

/** What was given to a misspelt option, to be typed again with the right one. */
function valueAfter(option: string, argv: readonly string[]): string {
  const at = argv.findIndex((word) => word === option || word.startsWith(`${option}=`));
  const word = argv[at] ?? '';
  const value = word === option ? argv[at + 1] : word.slice(option.length + 1);
  return value === undefined || !/^[\w./:@-]+$/.test(value) || value.startsWith('-') ? '' : ` ${value}`;
}

const fixWord = (error: CommanderError, path: string, near: string): string =>
  error.code === 'commander.unknownCommand' ? `${path} ${near}` : near;

function candidates(error: CommanderError, command: Command): string[] {
  if (error.code === 'commander.unknownCommand' || error.code === 'commander.excessArguments')
    return command.commands.map((child) => child.name());
  return [...command.options.flatMap((option) => [option.long, option.short]), '--help'].filter((name) => typeof name === 'string');
}

/** The innermost command that the words name. */
function commandOf(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv) {
    const child = command.commands.find((candidate) => candidate.name() === word);
    if (child) command = child;
  }
  return command;
}

function commandPath(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name());
  return names.join(' ');
}

export const isCommanderError = (error: unknown): error is CommanderError => error instanceof CommanderError;
