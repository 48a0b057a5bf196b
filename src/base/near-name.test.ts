import { describe, expect, it } from 'vitest';
import { nearNames } from './near-name.ts';

const VERBS = ['start', 'status', 'stop', 'restart', 'chat', 'logs', 'sessions', 'config'];

describe('nearNames', () => {
  it('puts the closest name first', () => {
    expect(nearNames('strat', VERBS, true)[0]).toBe('start');
    expect(nearNames('lgos', VERBS, true)).toEqual(['logs']);
    expect(nearNames('stauts', VERBS, true)[0]).toBe('status');
    expect(nearNames('CHAT', VERBS, true)).toEqual(['chat']);
  });

  it('does not guess at what is far away, and is strict with short names unless asked', () => {
    expect(nearNames('frobnicate', VERBS, true)).toEqual([]);
    expect(nearNames('SORT', ['PORT', 'HOST'])).toEqual([]);
    expect(nearNames('HSOT', ['PORT', 'HOST'])).toEqual(['HOST']);
    expect(nearNames('OPENAI_API_KEY', ['GEMINI_API_KEY', 'GOOGLE_API_KEY', 'HOLDFAST_API_KEY'])).toEqual([]);
  });

  it('gives no work to a name of absurd length', () => {
    expect(nearNames('x'.repeat(1_000_000), VERBS)).toEqual([]);
  });
});
