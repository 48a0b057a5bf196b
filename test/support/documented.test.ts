import { expect, test } from 'vitest';
import { assertDocumented, assertDocumentedEvents } from './documented.ts';

const id = { 'x-request-id': 'req_0123456789abcdef' };
const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...id, ...headers } });
const problem = (status: number, fields: object = {}) => {
  const body = { type: 'urn:x', title: 'No.', status, code: 'not_found', requestId: id['x-request-id'], ...fields };
  return json(status, body, { 'content-type': 'application/problem+json' });
};
const turn = {
  ...{
    turnId: 'trn_1',
    sessionId: 'ses_1',
    status: 'completed',
    degraded: false,
    reply: 'r',
    model: 'm',
    usage: { inputTokens: 1, outputTokens: 1 },
  },
  ...{ createdAt: '2026-01-01T00:00:00.000Z', completedAt: null },
};
const health = { status: 'ok', state: 'ready' };
const asked = (line: string) => ({ method: line.split(' ')[0] ?? '', path: line.split(' ')[1] ?? '' });

test.each<[string, Response]>([
  ['GET /health', json(200, health)],
  ['GET /health', json(503, health)],
  ['HEAD /health', new Response(null, { status: 200, headers: id })],
  ['GET /v1/turns/trn_1', json(200, turn)],
  ['GET /v1/turns/trn_1', problem(404)],
  ['GET /nowhere', problem(404)],
  ['POST /v1/chat', json(202, turn, { location: '/v1/turns/trn_1' })],
  ['POST /v1/chat', json(200, { ...turn, degraded: true }, { 'x-holdfast-degraded': 'true' })],
])('%s as documented passes', async (line, answer) => {
  await expect(assertDocumented(asked(line), answer)).resolves.toBeUndefined();
});

test.each<[string, string, Response]>([
  ['a field nobody documented', 'GET /health', json(200, { ...health, secret: 1 })],
  ['a nested field nobody documented', 'GET /health', json(200, { ...health, checks: { a: { id: 'a', status: 'ok', more: 1 } } })],
  ['a field that is missing', 'GET /health', json(200, { state: 'ready' })],
  ['a status of another route', 'GET /health', json(201, health)],
  ['another media type', 'GET /health', json(200, health, { 'content-type': 'text/plain' })],
  ['no request id', 'GET /health', new Response('{}', { headers: { 'content-type': 'application/json' } })],
  ['a code the route cannot give', 'GET /health', problem(404)],
  ['a code under another status', 'GET /v1/turns/trn_1', problem(409)],
  ['a problem that says another status', 'GET /v1/turns/trn_1', problem(404, { status: 400 })],
  ['a problem of another request', 'GET /v1/turns/trn_1', problem(404, { requestId: 'req_other' })],
  ['degraded in the body alone', 'GET /v1/turns/trn_1', json(200, { ...turn, degraded: true })],
  ['degraded in the header alone', 'GET /v1/turns/trn_1', json(200, turn, { 'x-holdfast-degraded': 'true' })],
  ['a 202 without Location', 'POST /v1/chat', json(202, turn)],
  ['a success where there is no route', 'GET /nowhere', json(200, {})],
])('%s does not pass', async (_name, line, answer) => {
  await expect(assertDocumented(asked(line), answer)).rejects.toThrow('not as documented');
});

test('events are held to their schema too', () => {
  assertDocumentedEvents([{ event: 'text.delta', data: { at: 0, text: 'a' } }]);
  for (const [event, data] of [
    ['text.delta', { at: 0 }],
    ['text.delta', { at: 0, text: 'a', type: 'text.delta' }],
    ['text.more', {}],
    ['turn.end', { turn }],
  ] as const)
    expect(() => assertDocumentedEvents([{ event, data }])).toThrow('not as documented');
});
