import type { LogLevel } from './log.ts';
import type { Secret } from './secret.ts';

/** Every setting after parsing. Names and defaults are in the settings table of this file; durations are milliseconds. */
export interface Config {
  env: 'development' | 'production';
  home: string;
  host: string;
  port: number;
  dashboardPort: number;
  /** True when 3000 came from the default: a busy port is then no reason to fail. */
  dashboardPortIsDefault: boolean;
  publicUrl?: string;
  allowedHosts: string[];
  trustProxy: boolean;
  masterKey?: Secret;
  adminKey?: Secret;
  gemini: { apiKey?: Secret; baseUrl: string };
  /** Fallback order, `provider/model` or `demo`; already resolved (a keyless development run is `['demo']`). */
  models: string[];
  deadlineMs: number;
  streamDeadlineMs: number;
  firstByteMs: number;
  idleMs: number;
  drainMs: number;
  /** An open turn older than this fails as `expired`. */
  turnExpiryMs: number;
  /** Most messages of history a model sees. */
  historyMessages: number;
  /** Most model calls in one turn. */
  stepsMax: number;
  /** Model calls under way at once, per provider; twice as many may wait. */
  modelConcurrency: number;
  databaseUrl?: Secret;
  logLevel: LogLevel;
}
