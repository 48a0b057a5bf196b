// Mutations of real rows in a real file: each is found at its exact place, or is one of those that the report names as not detectable.
import { readFileSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { admin, createStoreWorld, exchange, type StoreWorld } from '../../test/support/store-world.ts';
import type { AuditFinding, AuditHead } from '../contract/audit.ts';
import { type ChainRow, linkHash } from '../crypto/chain.ts';
import { type AuditRead, NEXT_AUDIT_ROWS, verifyAudit } from './verify-audit.ts';

const MUTATIONS = 1_000;

let world: StoreWorld;
let db: DatabaseSync;
/** The last row's seq, and the head as an operator would have noted it. */
let end: number;
let head: AuditHead;

beforeAll(async () => {
  world = createStoreWorld();
  const store = await world.store();
  const id = world.ids.make('ses');
  await store.sessions.create({ id, principal: admin, requestId: 'r1' });
  for (let n = 0; n < 15; n += 1) await exchange(store, world.ids, id, { question: 'q', answer: 'a' });
  await store.audit({ principal: 'ключ', action: 'auth.refuse', target: '', requestId: 'r\u0000', outcome: '\u{1f511}', detail: { a: 1 } });
  for (let n = 0; n < 5; n += 1) await exchange(store, world.ids, id, { question: 'q', answer: 'a' });
  const noted = await store.auditHead();
  if (!noted) throw new Error('no head');
  head = noted;
  end = noted.seq;
  await store.close();
  db = new DatabaseSync(world.path);
});
afterAll(async () => {
  db.close();
  await world.end();
});

const read: AuditRead = async (sql, values) => db.prepare(sql).all(...(values as SQLInputValue[]));
const run = (sql: string, ...values: SQLInputValue[]) => expect(db.prepare(sql).run(...values).changes).toBeGreaterThan(0);

/** What a mutation leaves behind when `mutate` is undone again. */
async function damaged(mutate: () => void, heads: AuditHead[] = []) {
  db.exec('BEGIN');
  try {
    mutate();
    return await verifyAudit(read, heads);
  } finally {
    db.exec('ROLLBACK');
  }
}

/** Every row a report names, a range as its two ends. */
const named = (findings: AuditFinding[]) => [...new Set(findings.flatMap(({ seq, toSeq }) => [seq, toSeq ?? seq]))].sort((a, b) => a - b);

const hashOf = (seq: number): Uint8Array =>
  seq === 0 ? new Uint8Array(32) : (db.prepare('SELECT hash FROM audit WHERE seq = ?').get(seq)?.hash as Uint8Array);

/** What somebody does who knows the format: the hashes from `from` to `to` are made to fit. */
function rehash(from: number, to: number): void {
  for (let seq = from; seq <= to; seq += 1) {
    const row = db.prepare('SELECT *, request_id AS requestId FROM audit WHERE seq = ?').get(seq) as unknown as ChainRow;
    const previous = hashOf(seq - 1);
    run('UPDATE audit SET prev_hash = ?, hash = ? WHERE seq = ?', previous, linkHash(previous, row), seq);
  }
}

const TEXTS = ['tenant', 'principal', 'action', 'target', 'request_id', 'outcome', 'detail'];
const CELLS = [...TEXTS, 'at', 'prev_hash', 'hash'];

interface Planted {
  mutate(): void;
  /** The rows a report must name, and no others. */
  rows: number[];
  /** Nothing inside the data can show it. */
  blind?: true;
}

/** `i` and `j` are rows with 1 ≤ i < j ≤ end; `noise` is any number. */
const KINDS: Record<string, (i: number, j: number, noise: number) => Planted> = {
  text: (i, _, noise) => ({
    mutate: () => run(`UPDATE audit SET ${TEXTS[noise % 7]} = ${TEXTS[noise % 7]} || 'x' WHERE seq = ?`, i),
    rows: [i],
  }),
  'other text': (i, _, noise) => ({
    mutate: () => run(`UPDATE audit SET ${TEXTS[noise % 7]} = CAST(x'ff00fe' AS TEXT) WHERE seq = ?`, i),
    rows: [i],
  }),
  border: (i) => ({
    mutate: () =>
      run("UPDATE audit SET action = action || substr(target || 'x', 1, 1), target = substr(target || 'x', 2) WHERE seq = ?", i),
    rows: [i],
  }),
  time: (i, _, noise) => ({
    mutate: () => run('UPDATE audit SET at = ? WHERE seq = ?', [-1n, 0n, 2n ** 62n, BigInt(noise)][noise % 4] ?? 0, i),
    rows: [i],
  }),
  hash: (i, _, noise) => ({ mutate: () => run('UPDATE audit SET hash = ? WHERE seq = ?', flipped(hashOf(i), noise), i), rows: [i] }),
  previous: (i, _, noise) => ({
    mutate: () => run('UPDATE audit SET prev_hash = ? WHERE seq = ?', flipped(hashOf(i - 1), noise), i),
    rows: [i],
  }),
  'a short hash': (i) => ({ mutate: () => run("UPDATE audit SET hash = x'' WHERE seq = ?", i), rows: [i] }),
  deleted: (i, j) => ({ mutate: () => run('DELETE FROM audit WHERE seq >= ? AND seq < ?', i, j), rows: i === j - 1 ? [i] : [i, j - 1] }),
  swapped: (i, j) => ({
    mutate: () => {
      run('UPDATE audit SET seq = -1 WHERE seq = ?', i);
      run('UPDATE audit SET seq = ? WHERE seq = ?', i, j);
      run('UPDATE audit SET seq = ? WHERE seq = -1', j);
    },
    rows: [i, j],
  }),
  copied: (i, j) => ({
    mutate: () => run(`UPDATE audit SET (${CELLS}) = (SELECT ${CELLS} FROM audit WHERE seq = ?) WHERE seq = ?`, j, i),
    rows: [i],
  }),
  moved: (i, _, noise) => ({
    mutate: () => run('UPDATE audit SET seq = ? WHERE seq = ?', end + 2 + noise, i),
    rows: [i, ...(i === end ? [] : [end + 1]), end + 1 + noise, end + 2 + noise],
  }),
  'before the first': (i, _, noise) => ({
    mutate: () => run('UPDATE audit SET seq = ? WHERE seq = ?', -noise, i),
    rows: i === end ? [-noise] : [-noise, i],
  }),
  'another writer': (i) => ({ mutate: () => run("UPDATE audit SET writer = 'x' WHERE seq = ?", i), rows: [i] }),
  inserted: (i, _, noise) => ({
    mutate: () =>
      run(
        `INSERT INTO audit SELECT writer, ?, ${['at', ...TEXTS, 'prev_hash', 'hash']} FROM audit WHERE seq = ?`,
        end + 1 + (noise % 2),
        i,
      ),
    rows: noise % 2 === 0 ? [end + 1] : [end + 1, end + 2],
  }),
  'replaced with a fitting hash': (i) => ({
    mutate: () => {
      run("UPDATE audit SET outcome = 'refused!' WHERE seq = ?", i);
      rehash(i, i);
    },
    rows: [i],
    ...(i === end && { blind: true }),
  }),
  'tail cut': (_, j) => ({ mutate: () => run('DELETE FROM audit WHERE seq >= ?', j), rows: j === end ? [j] : [j, end], blind: true }),
  'rewritten to the end': (i) => ({
    mutate: () => {
      run("UPDATE audit SET principal = 'somebody else' WHERE seq = ?", i);
      rehash(i, end);
    },
    rows: [end],
    blind: true,
  }),
};

function flipped(hash: Uint8Array, noise: number): Uint8Array {
  const other = Uint8Array.from(hash);
  other[noise % 32] = (other[noise % 32] ?? 0) ^ (1 << (noise % 8));
  return other;
}

describe('the verifier', () => {
  test('finds nothing in a chain that is whole, with or without the head', async () => {
    for (const heads of [[], [head], [{ seq: 7, hash: Buffer.from(hashOf(7)).toString('hex') }, head]])
      expect(await verifyAudit(read, heads)).toMatchObject({ ok: true, rows: end, head, findings: [], findingsTotal: 0 });
    expect(end).toBeGreaterThan(40);
  });

  test(`names the exact rows of ${MUTATIONS} planted mutations, or says of their kind that it cannot`, async () => {
    const seen = new Map<string, number>();
    const blind = { count: 0 };
    const place = fc.integer({ min: 1, max: end });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(KINDS)), place, place, fc.nat({ max: 10_000 }), async (kind, a, b, noise) => {
        const [i, j] = a === b ? [a === end ? a - 1 : a, a === end ? a : a + 1] : [Math.min(a, b), Math.max(a, b)];
        // Every so often the last row itself.
        const first = noise % 10 === 0 ? end : i;
        const planted = KINDS[kind]?.(['deleted', 'swapped', 'copied'].includes(kind) ? i : first, j, noise);
        if (!planted) throw new Error(kind);
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        const report = await damaged(planted.mutate);
        if (planted.blind) {
          blind.count += 1;
          expect(report).toMatchObject({ ok: true, findings: [] });
          expect(report.undetectable.join()).toMatch(/cut off the end/);
          expect(report.undetectable.join()).toMatch(/rewritten up to the end/);
          const informed = await damaged(planted.mutate, [head]);
          expect(informed.ok).toBe(false);
          expect(named(informed.findings)).toEqual(planted.rows);
        } else {
          expect(report.ok).toBe(false);
          expect(named(report.findings)).toEqual([...new Set(planted.rows)].sort((x, y) => x - y));
          expect(report.findingsTotal).toBe(report.findings.length);
        }
      }),
      { numRuns: MUTATIONS, seed: 20_261_122 },
    );
    expect([...seen.keys()].sort()).toEqual(Object.keys(KINDS).sort());
    expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(MUTATIONS);
    expect(blind.count).toBeLessThan(MUTATIONS / 4);
  });

  test('sees that a chain is gone, that its name is, and that another one lies beside it', async () => {
    expect((await damaged(() => run('DELETE FROM audit'))).findings).toMatchObject([{ kind: 'gap', seq: 1 }]);
    expect((await damaged(() => run("DELETE FROM meta WHERE key = 'writer'"))).ok).toBe(false);
    expect((await damaged(() => run("UPDATE meta SET value = 'me' WHERE key = 'writer'"))).ok).toBe(false);
  });

  test('sees an older copy put back that went on, when it is given a head', async () => {
    const report = await damaged(() => {
      run('DELETE FROM audit WHERE seq > 10');
      for (let seq = 11; seq <= end + 5; seq += 1) {
        run(`INSERT INTO audit SELECT writer, ?, at + 1, ${[...TEXTS, 'prev_hash', 'hash']} FROM audit WHERE seq = 10`, seq);
        rehash(seq, seq);
      }
    }, [head]);
    expect(report.findings).toMatchObject([{ kind: 'head', seq: end }]);
  });

  test('keeps a bounded number of findings and counts the rest', async () => {
    const insert =
      "WITH RECURSIVE n(i) AS (VALUES(1000) UNION ALL SELECT i + 1 FROM n WHERE i < 4999) INSERT INTO audit SELECT (SELECT value FROM meta WHERE key = 'writer'), i, 1, 't', 'p', 'x', '', '', 'ok', '', zeroblob(32), zeroblob(32) FROM n";
    const report = await damaged(() => run(insert));
    expect([report.findings.length, report.findingsTotal, report.rows]).toEqual([1_000, 4_001, end + 4_000]);
  });

  test('says so when the data cannot be read to its end', async () => {
    let reads = 0;
    const broken: AuditRead = async (sql, values) => {
      reads += 1;
      if (reads > 1) throw new Error('database disk image is malformed');
      return read(sql, values);
    };
    expect(await verifyAudit(broken, [head])).toMatchObject({ ok: false, findings: [{ kind: 'unreadable', seq: 1 }], findingsTotal: 1 });
  });

  test('lets other work in between two pages', async () => {
    let rounds = 0;
    const ticking = setInterval(() => {
      rounds += 1;
    }, 0);
    let pages = 0;
    const endless: AuditRead = async (sql, values) => {
      if (sql.includes('meta')) return read(sql, values);
      pages += 1;
      return Array.from({ length: pages < 50 ? 200 : 1 }, (_, i) => ({ writer: Buffer.from('x'), seq: String(pages * 1_000 + i) }));
    };
    await verifyAudit(endless);
    clearInterval(ticking);
    expect(rounds).toBeGreaterThan(1);
  });

  test('finds the next page by its place, not by reading up to it again', () => {
    const [plan] = db.prepare(`EXPLAIN QUERY PLAN ${NEXT_AUDIT_ROWS}`).all(Buffer.from('x'), '7');
    expect(plan?.detail).toContain('(writer,seq)>(?,?)');
  });

  test('ends early when it is told to, and vouches for nothing after that', async () => {
    const endless: AuditRead = async (sql, values) =>
      sql.includes('meta')
        ? read(sql, values)
        : Array.from({ length: 200 }, (_, i) => ({ writer: Buffer.from('x'), seq: String(Number(values[1] ?? 0) + i + 1) }));
    expect(await verifyAudit(endless, [], 600)).toMatchObject({ ok: false, findings: [{ kind: 'stranger' }], findingsTotal: 1 });
    expect(await verifyAudit(read, [{ seq: 1_000_000, hash: head.hash }], 0)).toMatchObject({ ok: true, rows: 0 });
  });

  test('shares no code with what writes the chain', () => {
    const source = readFileSync(new URL('./verify-audit.ts', import.meta.url), 'utf8');
    const imported = [...source.matchAll(/^import (type )?.* from '(.+)';$/gm)];
    expect(imported.length).toBeGreaterThan(2);
    for (const [, isType, from] of imported) if (!isType) expect(from).toMatch(/^node:/);
  });
});
