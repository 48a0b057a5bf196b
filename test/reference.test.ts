import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { referencePages } from '../scripts/reference/pages.ts';
import { ERRORS } from '../src/base/errors.ts';
import { SETTING_KEYS, settingOf } from '../src/base/settings.ts';
import { ALERT_RULES } from '../src/contract/alert.ts';
import { eventKinds } from '../src/contract/events.ts';
import { CHECKS } from '../src/contract/finding.ts';
import { liveStream } from '../src/contract/live.ts';
import { type Route, routes } from '../src/contract/routes.ts';
import { COUNTERS, HISTOGRAMS, READINGS } from '../src/metrics/table.ts';

const folder = join(import.meta.dirname, '../docs/reference');
const pages = referencePages();

test('the reference is what the tables say', () => {
  expect(
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .sort(),
  ).toEqual(expect.arrayContaining(Object.keys(pages).sort()));
  for (const [name, text] of Object.entries(pages)) expect(readFileSync(join(folder, name), 'utf8'), 'run: npm run reference').toBe(text);
});

test('the reference leaves nothing out', () => {
  for (const name of Object.keys(ERRORS)) expect(pages['errors.md']).toContain(`| \`${name}\` |`);
  for (const { type } of [...eventKinds, ...liveStream.kinds]) expect(pages['events.md']).toContain(`## \`${type}\``);
  for (const { name } of [COUNTERS, HISTOGRAMS, READINGS].flatMap((rows) => Object.values<{ name: string }>(rows)))
    expect(pages['metrics.md']).toContain(`| \`${name}\` |`);
  for (const id of [...Object.keys(CHECKS), ...Object.keys(ALERT_RULES)]) expect(pages['checks.md']).toContain(`| \`${id}\` |`);
  for (const key of SETTING_KEYS) for (const name of settingOf(key).names) expect(pages['settings.md']).toContain(`\`${name}\``);
  for (const route of Object.values<Route>(routes))
    if (!route.page) expect(pages['api.md']).toContain(`### \`${route.method} ${route.path}\``);
  for (const verb of ['start', 'chat [message...]', 'sessions delete <id>', 'openapi'])
    expect(pages['cli.md']).toContain(`## \`holdfast ${verb}\``);
  for (const text of Object.values(pages)) expect(text).not.toMatch(/undefined|\[object/);
});

test('every check and every alert rule has its part in the pages for operators', () => {
  const page = (name: string) => readFileSync(join(import.meta.dirname, '../docs/operate', name), 'utf8');
  for (const id of Object.keys(CHECKS)) expect(page('troubleshooting.md')).toContain(`\n### ${id}\n`);
  for (const rule of Object.keys(ALERT_RULES)) expect(page('alerts.md')).toContain(`| \`${rule}\` `);
});
