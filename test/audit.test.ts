// The audit chain as an operator checks it: with a running agent, without one, and after somebody was at the file.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import type { AuditVerification } from '../src/contract/audit.ts';
import type { Status } from '../src/contract/status.ts';
import { type Cli, createCli } from './support/cli.ts';
import { readRunState } from './support/server-process.ts';
import { filesIn } from './support/store-world.ts';

const opened: Cli[] = [];
afterEach(async () => {
  for (const cli of opened.splice(0)) await cli.close();
});

/** An agent that answered twice. */
async function agent(): Promise<{ cli: Cli; head: string; verify(code: number, ...args: string[]): Promise<AuditVerification> }> {
  const cli = createCli();
  opened.push(cli);
  await cli.expect(0, ['start']);
  for (const message of ['one', 'two']) await cli.expect(0, ['chat', message]);
  const { auditHead } = JSON.parse((await cli.expect(0, ['status', '--json'])).stdout) as Status;
  return {
    cli,
    head: `${auditHead?.seq}:${auditHead?.hash}`,
    verify: async (code, ...args) => JSON.parse((await cli.expect(code, ['audit', 'verify', '--json', ...args])).stdout),
  };
}

/** Digests: the bytes themselves are too many to compare one by one. What a reader of SQLite's leaves beside the file is empty or holds no data. */
const dataOf = (cli: Cli): string[] =>
  filesIn(join(cli.home, 'data'))
    .filter(({ name, bytes }) => !name.endsWith('-shm') && !(name.endsWith('-wal') && bytes.length === 0))
    .map(({ name, bytes }) => `${name} ${createHash('sha256').update(bytes).digest('hex')}`);

function tamper(cli: Cli, sql: string): void {
  const database = new DatabaseSync(join(cli.home, 'data', 'agent_state.db'));
  database.exec(sql);
  database.close();
}

describe('holdfast audit', () => {
  test('lists what was done and verifies it, with a running agent and without one, and leaves the data as it was', async () => {
    const { cli, head, verify } = await agent();
    const listed = JSON.parse((await cli.expect(0, ['audit', 'list', '--action', 'turn.end', '--json'])).stdout);
    expect(listed.data.map(({ action }: { action: string }) => action)).toEqual(['turn.end', 'turn.end']);
    expect((await cli.expect(0, ['status'])).stdout).toContain(head);
    expect(await verify(0, '--head', head)).toMatchObject({ ok: true, findings: [] });
    await cli.expect(0, ['stop']);
    const before = dataOf(cli);
    const report = await verify(0, '--head', head);
    // The verification by the server and its stop came after the head that was noted.
    expect(report.head?.seq).toBe(Number(head.split(':')[0]) + 2);
    expect(report.undetectable.length).toBeGreaterThan(2);
    expect(dataOf(cli)).toEqual(before);
  });

  test('names what somebody did to the file, exit 1', async () => {
    const { cli, head, verify } = await agent();
    const end = Number(head.split(':')[0]);
    await cli.expect(0, ['stop']);
    tamper(
      cli,
      `UPDATE audit SET outcome = 'failed' WHERE seq = 4; DELETE FROM audit WHERE seq = 2; DELETE FROM audit WHERE seq >= ${end}`,
    );
    const { findings, ok } = await verify(1, '--head', head);
    expect(ok).toBe(false);
    expect(findings).toMatchObject([
      { kind: 'gap', seq: 2 },
      { kind: 'changed', seq: 4 },
      { kind: 'cut', seq: end },
    ]);
    const said = await cli.expect(1, ['audit', 'verify']);
    expect(said.stdout).toMatch(/^row 4 {2}changed: /m);
    expect(said.stderr).toContain('What this cannot see:');
    await cli.expect(0, ['start']);
    expect((await verify(1)).findings).toMatchObject([{ seq: 2 }, { seq: 4 }]);
  });

  test('says what is wrong with how it was asked, and that there is nothing yet', async () => {
    const cli = createCli();
    opened.push(cli);
    expect((await cli.expect(1, ['audit', 'verify'])).stderr).toMatch(/There is no data here yet.*\nFix: npx holdfast start/);
    for (const head of ['7', '7:abc', `0:${'a'.repeat(64)}`]) await cli.expect(2, ['audit', 'verify', '--head', head]);
    await cli.expect(3, ['audit', 'list']);
  });
});

test('the API verifies for admins, and takes only heads that are heads', async () => {
  const { cli, head } = await agent();
  const state = readRunState(cli.home);
  const ask = (body?: unknown, token = state?.token) =>
    fetch(`http://127.0.0.1:${state?.port}/v1/audit/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
  expect((await ask(undefined, 'x')).status).toBe(401);
  expect(await (await ask()).json()).toMatchObject({ ok: true });
  const [seq, hash] = head.split(':');
  expect(await (await ask({ heads: [{ seq: Number(seq), hash }] })).json()).toMatchObject({ ok: true });
  expect(await (await ask({ heads: [{ seq: Number(seq), hash: '0'.repeat(64) }] })).json()).toMatchObject({
    ok: false,
    findings: [{ kind: 'head' }],
  });
  expect((await ask({ heads: [{ seq: Number(seq), hash: 'abc' }] })).status).toBe(422);
});
