import { describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { type Middleware, RequestRejected } from './define-agent.ts';
import { createPoints } from './middleware.ts';

const points = (...middleware: Middleware[]) => createPoints(middleware, { clock: systemClock, log: silentLogger });
const request = { message: 'hello', metadata: {}, principal: { id: 'local', role: 'admin' as const } };
const reply = { sessionId: 'ses_1', turnId: 'trn_1', text: 'raw', model: 'demo/demo' };
const never = new AbortController().signal;

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error('expected an AppError');
  return error;
}

describe('onRequest', () => {
  it('rewrites in the order of the list, each seeing what the one before it made', async () => {
    const one: Middleware = { name: 'one', onRequest: ({ message }) => ({ message: `${message} 1` }) };
    const two: Middleware = { name: 'two', onRequest: async ({ message }) => ({ message: `${message} 2` }) };
    const looksOnly: Middleware = { name: 'looks', onRequest: () => undefined };
    expect(await points(one, looksOnly, two).onRequest(request)).toBe('hello 1 2');
  });
  it('refuses with the sentence and status its author chose', async () => {
    const refusing: Middleware = {
      name: 'guard',
      onRequest() {
        throw new RequestRejected('Please leave card numbers out.', 422);
      },
    };
    const error = await refusal(points(refusing).onRequest(request));
    expect([error.code, error.status, error.message]).toEqual(['invalid_request', 422, 'Please leave card numbers out.']);
  });
  it('says nothing of an error it did not choose', async () => {
    const broken: Middleware = {
      name: 'broken',
      onRequest() {
        throw new Error('password is hunter2');
      },
    };
    const error = await refusal(points(broken).onRequest(request));
    expect(error.code).toBe('internal');
    expect(error.message).not.toContain('hunter2');
  });
  it('is given up after its time', async () => {
    const stuck: Middleware = { name: 'stuck', onRequest: () => new Promise(() => undefined) };
    expect((await refusal(points(stuck).onRequest(request))).code).toBe('internal');
  });
});

describe('onReply', () => {
  it('replaces the text', async () => {
    expect(await points({ name: 'signs', onReply: ({ text }) => ({ text: `${text} — checked` }) }).onReply(reply, never)).toBe(
      'raw — checked',
    );
  });
  it('gives nothing when it breaks, so that the raw text cannot slip through', async () => {
    const broken: Middleware = {
      name: 'broken',
      onReply() {
        throw new Error('no');
      },
    };
    expect(await points(broken).onReply(reply, never)).toBeUndefined();
    expect(await points({ name: 'odd', onReply: () => ({ text: 7 as unknown as string }) }).onReply(reply, never)).toBeUndefined();
  });
  it('is given up when the turn must end', async () => {
    const late = new AbortController();
    const stuck: Middleware = { name: 'stuck', onReply: () => new Promise(() => undefined) };
    const waiting = points(stuck).onReply(reply, late.signal);
    late.abort();
    expect(await waiting).toBeUndefined();
  });
  it('holds back the stream unless a transform lets text out', () => {
    const onReply = () => undefined;
    const transformStream = () => ({ push: (text: string) => text, end: () => '' });
    expect(points({ name: 'a', onReply }).streams).toBe(false);
    expect(points({ name: 'a', onReply, transformStream }).streams).toBe(true);
    expect(points().streams).toBe(true);
  });
});

describe('beforeModel', () => {
  it('changes what this call sees and cannot touch the history it was given', async () => {
    const messages = [{ role: 'user' as const, parts: [{ type: 'text' as const, text: 'hi' }] }];
    const vandal: Middleware = {
      name: 'vandal',
      beforeModel(context) {
        context.messages.length = 0;
        return { instructions: 'Be brief.' };
      },
    };
    const seen = await points(vandal).beforeModel({ sessionId: 's', turnId: 't', instructions: '', messages }, never);
    expect(seen).toMatchObject({ instructions: 'Be brief.', messages });
    expect(messages).toHaveLength(1);
  });
});
