import { afterEach, describe, expect, it } from 'vitest';
import { createCliTest, OPEN } from '../../test/support/cli-context.ts';
import {
  began,
  delta,
  ended,
  hangUp,
  json,
  problem,
  type Reaction,
  SESSION,
  startScriptedAgent,
  stream,
  TURN,
  turn,
} from '../../test/support/scripted-agent.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: looking for them
const ESCAPES = /[\u001b\u009b]/;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function agent(...reactions: Reaction[]) {
  const started = await startScriptedAgent(...reactions);
  open.push(started.close);
  const env = { HOLDFAST_URL: started.url, HOLDFAST_API_KEY: 'hf_test' };
  return {
    ...started,
    piped: (stdin?: string | typeof OPEN) => createCliTest({ env, ...(stdin === undefined ? {} : { stdin }) }),
    terminal: (more = {}) => createCliTest({ env: { ...env, ...more }, terminal: true }),
  };
}

describe('chat', () => {
  it('puts the reply on stdout and everything else on stderr, free of escape bytes in a pipe', async () => {
    const { piped, heard, turns } = await agent(stream([began, delta(0, 'Hello '), delta(6, 'there, friend.'), ended()]));
    const { exit, out, err } = await piped().run('chat', 'Hello', 'world');
    expect([exit, out]).toEqual([0, 'Hello there, friend.\n']);
    expect(err).toMatch(/Response:[\s\S]*gemini\/test · \d+\.\d s · 3 \+ 5 tokens · ses_/);
    expect(err).not.toContain('Processing');
    expect(out + err).not.toMatch(ESCAPES);
    expect(turns()[0]?.body).toEqual({ message: 'Hello world', sessionId: SESSION, deadlineMs: 60_000, stream: true });
    expect(heard.every(({ headers }) => headers.authorization === 'Bearer hf_test')).toBe(true);
  });

  it('streams on a terminal, in colour unless NO_COLOR says otherwise', async () => {
    const { terminal } = await agent(stream([began, delta(0, 'Hello '), delta(6, 'there, '), ended()]));
    const { out, err } = await terminal().run('chat', 'Hi');
    expect(out).toBe('Hello there, friend.\n');
    expect(err).toContain('🤖 Processing: Hi');
    expect(err).toMatch(ESCAPES);
    expect((await terminal({ NO_COLOR: '1' }).run('chat', 'Hi')).err).not.toMatch(ESCAPES);
  });

  it('makes escape sequences of a reply harmless', async () => {
    const nasty = 'a\u001b]0;owned\u0007\u202eb\u009b2J';
    for (const end of [stream([began, delta(0, nasty), ended({ reply: nasty })]), json(200, turn({ reply: nasty }))]) {
      const { terminal, piped } = await agent(end);
      for (const test of [terminal({ NO_COLOR: '1' }), piped()]) {
        const { out } = await test.run('chat', 'Hi');
        expect(out).not.toMatch(ESCAPES);
        expect(out).toContain('\\u001b]0;owned\\u0007');
      }
    }
  });

  it('takes up a stream that was cut where it stood', async () => {
    const { terminal, turns } = await agent(
      stream([began, delta(0, 'Hello ')], 'cut'),
      stream([delta(6, 'there, '), delta(13, 'friend.'), ended()]),
    );
    const { exit, out } = await terminal().run('chat', 'Hi');
    expect([exit, out]).toEqual([0, 'Hello there, friend.\n']);
    expect(turns().map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v1/chat', `GET /v1/turns/${TURN}/events`]);
    expect(turns()[1]?.headers['last-event-id']).toBe('1.0.6');
  });

  it('shows nothing twice when the resumed stream begins too early', async () => {
    const { terminal } = await agent(
      stream([began, delta(0, 'Hello ')], 'cut'),
      stream([delta(0, 'Hello there'), delta(11, ', friend.'), ended()]),
    );
    expect((await terminal().run('chat', 'Hi')).out).toBe('Hello there, friend.\n');
  });

  it('sends the same message under the same key when the connection breaks before anything is known', async () => {
    const { piped, turns } = await agent(hangUp, hangUp, stream([began, ended()]));
    expect((await piped().run('chat', 'Hi')).out).toBe('Hello there, friend.\n');
    const keys = turns().map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('waits for an agent that drains, and for a turn that is left open', async () => {
    const { piped, turns } = await agent(
      problem(503, 'draining', {}, { 'retry-after': '0' }),
      json(503, turn({ status: 'running', reply: null, completedAt: null }), { location: `/v1/turns/${TURN}` }),
      stream([began, ended()]),
    );
    expect((await piped().run('chat', 'Hi')).out).toBe('Hello there, friend.\n');
    expect(turns().at(-1)?.path).toBe(`/v1/turns/${TURN}/events`);
  });

  it('goes back to the message when the turn it followed is unknown', async () => {
    const { piped, turns } = await agent(stream([began], 'cut'), problem(404, 'not_found'), stream([began, ended()]));
    expect((await piped().run('chat', 'Hi')).exit).toBe(0);
    expect(turns().map(({ method }) => method)).toEqual(['POST', 'GET', 'POST']);
  });

  it('says on a terminal that a restart voids the text, and gives a pipe only the answer', async () => {
    const events = stream([began, delta(0, 'Wrong st'), ['turn.restart', { attempt: 2 }, '2.0.0'], delta(0, 'Hello there'), ended()]);
    const { terminal, piped } = await agent(events);
    const shown = await terminal().run('chat', 'Hi');
    expect(shown.out).toBe('Wrong st\nHello there, friend.\n');
    expect(shown.err).toContain('void');
    expect((await piped().run('chat', 'Hi')).out).toBe('Hello there, friend.\n');
  });

  it('prints the final reply when a middleware changed it', async () => {
    const { terminal } = await agent(stream([began, delta(0, 'Raw text'), ended({ reply: 'Clean text' })]));
    expect((await terminal().run('chat', 'Hi')).out).toBe('Raw text\nClean text\n');
  });

  it('marks a fallback, exits 0, and 6 when asked to', async () => {
    const fallback = {
      status: 'degraded',
      degraded: true,
      reason: 'model_unavailable',
      reply: 'No model is available.',
      model: null,
    } as const;
    const { piped } = await agent(stream([began, ended(fallback)]));
    const { exit, out, err } = await piped().run('chat', 'Hi');
    expect([exit, out]).toEqual([0, 'No model is available.\n']);
    expect(err).toContain('Degraded: no model could answer (model_unavailable)');
    expect(err).not.toContain('Response:');
    expect((await piped().run('chat', '--fail-on-degraded', 'Hi')).exit).toBe(6);
    const asJson = await piped().run('chat', '--json', 'Hi');
    expect(JSON.parse(asJson.out)).toMatchObject({ degraded: true, reply: 'No model is available.' });
  });

  it('never passes half an answer off as a whole one', async () => {
    const half = {
      status: 'degraded',
      degraded: true,
      reason: 'incomplete',
      reply: 'Half an',
      incomplete: true,
      notice: 'The model broke off.',
    } as const;
    const { piped, terminal } = await agent(stream([began, delta(0, 'Half an'), ended(half)]));
    for (const test of [piped(), terminal()]) expect((await test.run('chat', 'Hi')).out).toBe('Half an\n\n[The model broke off.]\n');
  });

  it('prints exactly one JSON document with --json, also when it fails', async () => {
    const { piped } = await agent(
      stream([began, ended()]),
      problem(422, 'invalid_request', { errors: [{ path: 'message', message: 'is odd' }] }),
    );
    const good = await piped().run('chat', '--json', 'Hi');
    expect(JSON.parse(good.out)).toEqual(turn());
    expect(good.err).toBe('');
    const bad = await piped().run('chat', '--json', 'Hi');
    expect(bad.exit).toBe(1);
    expect(JSON.parse(bad.out)).toEqual({
      error: { code: 'invalid_request', message: expect.stringContaining('message: is odd'), fix: null },
    });
  });

  it('asks for one JSON answer with --no-stream', async () => {
    const { terminal, turns } = await agent(json(200, turn()));
    expect((await terminal().run('chat', '--no-stream', 'Hi')).out).toBe('Hello there, friend.\n');
    expect(turns()[0]?.headers.accept).toBe('application/json');
    expect(turns()[0]?.body).not.toHaveProperty('stream');
  });

  it.each<[string, Reaction, number]>([
    ['a wrong key', problem(401, 'unauthenticated'), 4],
    ['a failed turn', problem(500, 'internal', { turnId: TURN }), 1],
    ['a cancelled turn', stream([began, ended({ status: 'cancelled', reason: 'superseded', reply: null })]), 1],
    [
      'an outcome that could not be stored',
      stream([began, ['error', { title: 'x', status: 503, code: 'storage_unavailable', requestId: 'r' }]]),
      1,
    ],
    ['somebody else on the port', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), 3],
  ])('ends with its exit code on %s, with a Fix and without a stack', async (_, reaction, code) => {
    const { piped } = await agent(reaction);
    const { exit, err } = await piped().run('chat', 'Hi');
    expect(exit).toBe(code);
    expect(err).not.toMatch(/^\s+at /m);
  });

  it('gives up when the time is over: the deadline and five seconds', async () => {
    const { piped, turns } = await agent(stream([began], 'open'));
    const since = performance.now();
    const { exit, err } = await piped().run('chat', '--timeout', '100ms', 'Hi');
    expect(exit).toBe(5);
    expect(err).toContain(`The turn ${TURN} may still be answered`);
    expect(performance.now() - since).toBeGreaterThan(5_000);
    expect(performance.now() - since).toBeLessThan(7_000);
    expect(turns()[0]?.body.deadlineMs).toBe(100);
  });

  it('cancels the turn on Ctrl-C and exits 130', async () => {
    const { terminal, heard } = await agent(stream([began, delta(0, 'Hello ')], 'open'));
    const test = terminal();
    const running = test.run('chat', 'Hi');
    await test.printed('Hello ');
    test.interrupt();
    const { exit, err } = await running;
    expect(exit).toBe(130);
    expect(err).toContain('is cancelled');
    expect(heard.at(-1)).toMatchObject({ method: 'POST', path: `/v1/turns/${TURN}/cancel` });
  });

  it('picks the session: current, another, or a new one', async () => {
    const { piped, turns, heard } = await agent(stream([began, ended()]));
    await piped().run('chat', '-s', 'ses_x', 'Hi');
    await piped().run('chat', '--new', 'Hi');
    expect(turns().map(({ body }) => body.sessionId)).toEqual(['ses_x', 'ses_00000000000000000000000002']);
    expect(heard.find(({ path }) => path === '/v1/sessions')?.body).toEqual({ current: true });
    expect((await piped().run('chat', '-s', 'x', '--new', 'Hi')).exit).toBe(2);
  });

  it('reads the message from standard input', async () => {
    const { piped, turns } = await agent(stream([began, ended()]));
    await piped('Grüße\nzwei\n').run('chat', '-');
    await piped('no dash\n').run('chat');
    expect(turns().map(({ body }) => body.message)).toEqual(['Grüße\nzwei', 'no dash']);
    expect(await piped('').run('chat')).toMatchObject({ exit: 2, out: '' });
  });
});

describe('a message with something piped in', () => {
  it('is both, and the message alone when the pipe is empty', async () => {
    const { piped, turns } = await agent(stream([began, ended()]));
    await piped('-old\n+new\n').run('chat', 'Review', 'this');
    await piped('-old\n+new\n').run('chat', 'Review this', '-');
    await piped('').run('chat', 'Hello');
    await piped().run('chat', 'a', 'b');
    expect(turns().map(({ body }) => body.message)).toEqual(['Review this\n\n-old\n+new', 'Review this\n\n-old\n+new', 'Hello', 'a b']);
  });

  it('is refused when "-" asks for an input that is not there', async () => {
    const { piped, turns } = await agent(stream([began, ended()]));
    expect(await piped('').run('chat', 'Review this', '-')).toMatchObject({ exit: 2, err: expect.stringContaining('empty') });
    expect(turns()).toEqual([]);
  });

  it('does not wait for ever for a pipe that only stays open, and says so', async () => {
    const { piped, turns } = await agent(stream([began, ended()]));
    const { exit, out, err } = await piped(OPEN).run('chat', 'Hello');
    expect([exit, out]).toEqual([0, 'Hello there, friend.\n']);
    expect(err).toContain('nothing came on standard input for 3 s');
    expect(turns().map(({ body }) => body.message)).toEqual(['Hello']);
  });
});

describe('who is talked to', () => {
  it('is nobody when nothing runs: exit 3 and what to do', async () => {
    const { exit, err } = await createCliTest().run('chat', 'Hi');
    expect(exit).toBe(3);
    expect(err).toMatch(/not running[\s\S]*Fix: npx holdfast start/);
  });

  it('is unreachable at once when nobody listens there', async () => {
    const { url, close } = await startScriptedAgent(hangUp);
    await close();
    const { exit, err } = await createCliTest({ env: { HOLDFAST_URL: url, HOLDFAST_API_KEY: 'k' } }).run('chat', 'Hi');
    expect(exit).toBe(3);
    expect(err).toContain('ECONNREFUSED');
  });

  it('never gets a key over plain http to another machine', async () => {
    const { exit, err } = await createCliTest({ env: { HOLDFAST_URL: 'http://agent.example', HOLDFAST_API_KEY: 'hf_canary' } }).run(
      'status',
    );
    expect(exit).toBe(78);
    expect(err).toContain('https://');
    expect(err).not.toContain('hf_canary');
  });

  it('is not started, stopped or read by verbs that work on this machine', async () => {
    for (const verb of ['start', 'stop', 'restart', 'logs']) {
      const { exit, err } = await createCliTest({ env: { HOLDFAST_URL: 'https://agent.example' } }).run(verb);
      expect([verb, exit]).toEqual([verb, 2]);
      expect(err).toContain('HOLDFAST_URL');
    }
  });
});
