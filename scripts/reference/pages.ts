// The pages under docs/reference/, each made of the table that the program itself uses. `test/reference.test.ts` finds one that has drifted.
import { ERRORS } from '../../src/base/errors.ts';
import { SETTING_KEYS, type Setting, settingOf } from '../../src/base/settings.ts';
import { ALERT_RULES } from '../../src/contract/alert.ts';
import { type AuditActionInfo, auditActions } from '../../src/contract/audit-actions.ts';
import { type EventKind, eventKinds } from '../../src/contract/events.ts';
import { CHECKS, type CheckRow } from '../../src/contract/finding.ts';
import { liveStream } from '../../src/contract/live.ts';
import { createSchemaSet, type SchemaSet } from '../../src/contract/openapi-schemas.ts';
import { problemsOf } from '../../src/contract/route-problems.ts';
import { type Route, routes } from '../../src/contract/routes.ts';
import { SHOWN_BOUNDS_MS } from '../../src/metrics/buckets.ts';
import { COUNTERS, HISTOGRAMS, type MetricRow, READINGS } from '../../src/metrics/table.ts';
import { apiPage } from './api-page.ts';
import { cliPage } from './cli-page.ts';
import { code, heading, table, typeText } from './markdown.ts';

/** Text of each page by its file name. */
export function referencePages(): Record<string, string> {
  const pages = {
    'api.md': apiPage(),
    'audit.md': auditPage(),
    'checks.md': checksPage(),
    'cli.md': cliPage(),
    'errors.md': errorsPage(),
    'events.md': eventsPage(),
    'metrics.md': metricsPage(),
    'settings.md': settingsPage(),
  };
  return Object.fromEntries(Object.entries(pages).map(([name, lines]) => [name, `${lines.join('\n')}\n`]));
}

function auditPage(): string[] {
  const rows = Object.entries<AuditActionInfo>(auditActions).map(([name, { target, when, outcomes, detail = '' }]) => {
    return [code(name), when, target, outcomes, detail];
  });
  return [
    ...heading(
      'Audit',
      'Every act that leaves a row in the audit chain. A row also has the principal, the time, the id of the request and the hash that binds it to all rows before it. What changes data is written in the same transaction as its row; a reading is answered when its row is durable. Nothing in a row is text of a conversation. `npx holdfast audit list` shows the rows, `npx holdfast audit verify` judges the chain.',
    ),
    '',
    ...table(['action', 'written when', 'target', 'outcome', 'detail'], rows),
  ];
}

function settingsPage(): string[] {
  const lines = heading(
    'Settings',
    'Stronger first: flags, the environment, `.env` in the working folder, `holdfast.config.ts`, defaults. `npx holdfast config show --sources` says what won. Every secret can be given as `NAME_FILE`, the path of a file that holds it. An unknown `HOLDFAST_` name refuses to start.',
  );
  const settings = SETTING_KEYS.map(settingOf);
  for (const group of new Set(settings.map((entry) => entry.group))) {
    const rows = settings.filter((entry) => entry.group === group).map(settingRow);
    lines.push('', `## ${group.charAt(0).toUpperCase()}${group.slice(1)}`, '', ...table(['name', 'default', 'meaning'], rows));
  }
  return lines;
}

function settingRow(entry: Setting): string[] {
  const notes = [
    entry.description,
    ...(entry.unit ? ['In milliseconds.'] : []),
    ...(entry.secret ? ['Secret.'] : []),
    ...(entry.flag ? [`Flag: \`--${entry.flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}\`.`] : []),
    ...(entry.inConfigFile === false ? ['Not in `holdfast.config.ts`.'] : []),
  ];
  return [entry.names.map(code).join(' or '), entry.default === undefined ? '' : code(entry.default), notes.join(' ')];
}

const LOOKED_AT_BY: Record<CheckRow['by'], string> = {
  doctor: '`doctor`',
  agent: '`status --deep`',
  both: '`doctor`, `status --deep`',
};

function checksPage(): string[] {
  const checks = Object.entries<CheckRow>(CHECKS).map(([id, { looksAt, by, meansWhenWrong }]) => [
    code(id),
    `${looksAt.charAt(0).toUpperCase()}${looksAt.slice(1)}.`,
    `${meansWhenWrong.charAt(0).toUpperCase()}${meansWhenWrong.slice(1)}.`,
    LOOKED_AT_BY[by],
  ]);
  const rules = Object.entries(ALERT_RULES).map(([rule, { raisedWhen, clearedWhen, settings }]) => [
    code(rule),
    `${raisedWhen.charAt(0).toUpperCase()}${raisedWhen.slice(1)}.`,
    `${clearedWhen.charAt(0).toUpperCase()}${clearedWhen.slice(1)}.`,
    settings.map(code).join(', '),
  ]);
  return [
    ...heading(
      'Checks and alerts',
      'What `holdfast doctor` and `holdfast status --deep` look at, and what the agent says of its own accord. A finding has `id`, `severity` (`ok`, `info`, `warning`, `error`), `cause`, `fix` and where there are several a `subject`. With an error `doctor` exits 1. What to do: [Troubleshooting](../operate/troubleshooting.md), [Alerts](../operate/alerts.md). With a running agent `doctor` also shows what `status --deep` does.',
    ),
    '',
    '## Checks',
    '',
    ...table(['id', 'looks at', 'when it is an error', 'shown by'], checks),
    '',
    '## Alerts',
    '',
    ...table(['rule', 'raised when', 'over when', 'settings'], rules),
  ];
}

function errorsPage(): string[] {
  const given = (name: string) =>
    Object.values<Route>(routes).filter((route) => !route.page && problemsOf(route).some((problem) => problem.code === name));
  const rows = Object.entries(ERRORS).map(([name, { status, retryable, sentence }]) => {
    const also = Object.values<Route>(routes)
      .flatMap(problemsOf)
      .find((problem) => problem.code === name && problem.status)?.status;
    const count = given(name).length;
    return [
      code(name),
      also ? `${status} or ${also}` : String(status),
      retryable ? 'yes' : 'no',
      sentence,
      count > 12
        ? 'nearly all'
        : given(name)
            .map((route) => code(`${route.method} ${route.path}`))
            .join(', '),
    ];
  });
  return [
    ...heading(
      'Errors',
      'Every error of the API is an RFC 9457 problem, `application/problem+json`, with `type`, `title`, `status`, `code` and `requestId`, and where they apply `turnId` and `errors` (fields by name, values never quoted). `code` is stable. Where sending again makes sense, `Retry-After` says when.',
    ),
    '',
    ...table(['code', 'status', 'worth another attempt', 'meaning', 'routes'], rows),
  ];
}

function metricsPage(): string[] {
  const rows = [
    ...Object.values<MetricRow>(COUNTERS).map((row) => metricRow(row, 'counter')),
    ...Object.values<MetricRow>(HISTOGRAMS).map((row) => metricRow(row, 'histogram')),
    ...Object.values<MetricRow & { kind: string }>(READINGS).map((row) => metricRow(row, row.kind)),
  ];
  const bounds = SHOWN_BOUNDS_MS.map((ms) => String(ms / 1_000)).join(', ');
  return [
    ...heading(
      'Metrics',
      `What \`GET /metrics\` says, in the Prometheus text format; [monitoring](../operate/monitoring.md) says what to do with it. Counters and histograms count since the process started. Labels take few values; a model that is not configured and a tool the agent does not have are \`other\`. Buckets of the histograms, in seconds: ${bounds}.`,
    ),
    '',
    ...table(['metric', 'type', 'labels', 'meaning'], rows),
  ];
}

const metricRow = ({ name, labels, help }: MetricRow, kind: string): string[] => [code(name), kind, labels.map(code).join(', '), help];

function eventsPage(): string[] {
  const schemas = createSchemaSet();
  const lines = heading(
    'Events',
    'What a turn says while it runs, as server-sent events: `POST /v1/chat` with `stream: true`, and `GET /v1/turns/{id}/events`. Each has `event:`, mostly `id:` (`<attempt>.<step>.<offset>`) and one line of JSON as `data:`. Send the last `id` as `Last-Event-ID` to go on without gap or repetition. Text is provisional until `turn.end`; comments every 15 s keep the connection alive; closing a stream does not cancel the turn.',
  );
  lines.push(...kindLines(eventKinds, schemas), '', '## The live feed', '', LIVE_FEED, ...kindLines(liveStream.kinds, schemas));
  return lines;
}

const LIVE_FEED =
  'What operators watch: `GET /v1/events`, for admins. It begins with a `snapshot`. Send the last `id` as `Last-Event-ID` to go on; where that cannot be done the stream says `reset`, and where a reader was too slow `lagged`. Events are kept for a minute after the last reader left. There is no text of a conversation in it.';

function kindLines(kinds: readonly EventKind[], schemas: SchemaSet): string[] {
  const lines: string[] = [];
  for (const { type, description, data } of kinds) {
    const shown = typeText(schemas.add(data));
    const body = shown.startsWith('{') ? ['```ts', shown, '```'] : [`Data: ${code(shown)}, see [the API](api.md#${shown.toLowerCase()}).`];
    lines.push('', `## ${code(type)}`, '', description, '', ...body);
  }
  return lines;
}
