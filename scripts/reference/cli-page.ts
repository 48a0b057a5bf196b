import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { systemClock } from '../../src/base/clock.ts';
import { EXIT } from '../../src/cli/failure.ts';
import { createIo } from '../../src/cli/io.ts';
import { createProgram } from '../../src/cli/program.ts';
import { code, heading, table } from './markdown.ts';

const EXITS: Record<keyof typeof EXIT, string> = {
  done: 'done; also `start` when it runs already and `stop` when it does not',
  failed: 'failed, or something was found',
  usage: 'the command line was wrong',
  unreachable: 'not running, or not to be reached',
  authentication: 'the key was refused',
  timedOut: 'timed out',
  degraded: 'no model could answer, with `--fail-on-degraded`',
  config: 'the settings are invalid or unsafe',
  interrupted: 'interrupted (Ctrl-C); 143 when terminated',
};

export function cliPage(): string[] {
  const streams = [new PassThrough(), new PassThrough()] as const;
  // Nothing is run: only the grammar is read.
  const context = {
    io: createIo(...streams, {}),
    env: {},
    cwd: '.',
    stdin: new PassThrough(),
    stdinKind: 'nothing' as const,
    clock: systemClock,
    program: '',
    onInterrupt: () => () => undefined,
  };
  const program = createProgram(context, () => undefined, { json: false, debug: false });
  return [
    ...heading(
      'Command line',
      'In a clone: `npx holdfast …`. stdout is the answer, stderr is progress. `--json` prints exactly one document. A duration is a number with `ms`, `s`, `m` or `h`.',
    ),
    ...verbs(program).flatMap(verbLines),
    '',
    '## Exit codes',
    '',
    ...table(
      ['code', 'meaning'],
      Object.entries(EXIT).map(([name, exit]) => [String(exit), EXITS[name as keyof typeof EXIT]]),
    ),
  ];
}

/** Commands that do something: the leaves. */
const verbs = (command: Command): Command[] => (command.commands.length === 0 ? [command] : command.commands.flatMap(verbs));

function verbLines(command: Command): string[] {
  const names: string[] = [];
  for (let each: Command | null = command; each; each = each.parent) names.unshift(each.name());
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  const rows = command.options.map(({ flags, description, defaultValue }) => [
    code(flags),
    typeof defaultValue === 'string' ? code(defaultValue) : '',
    description,
  ]);
  const description = command.description();
  const sentence = `${description.charAt(0).toUpperCase()}${description.slice(1)}.`;
  return ['', `## ${code([...names, ...words].join(' '))}`, '', sentence, '', ...table(['option', 'default', 'meaning'], rows)];
}
