import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import {
  type AgentFile,
  homePaths,
  prepareHome,
  readAgentFile,
  readStopped,
  readToken,
  removeToken,
  writeAgentFile,
  writeStopped,
  writeToken,
} from './home.ts';

const newHome = () => join(mkdtempSync(join(tmpdir(), 'holdfast-home-')), 'home');
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const agent: AgentFile = {
  pid: 4,
  processStart: 'x:1',
  host: '127.0.0.1',
  port: 8000,
  dashboardPort: 0,
  agentId: 'agt_x',
  version: '0.1.0',
  startedAt: '2026-01-01T00:00:00.000Z',
};

describe('the home', () => {
  it('is made with folders that only their owner can enter, whatever the umask', () => {
    const before = process.umask(0);
    try {
      const paths = prepareHome(newHome());
      for (const folder of [paths.home, paths.data, paths.logs, paths.keys, paths.run]) expect(mode(folder)).toBe('700');
    } finally {
      process.umask(before);
    }
  });

  it('is closed again when somebody opened it, and prepared twice without harm', () => {
    const paths = prepareHome(newHome());
    chmodSync(paths.home, 0o755);
    chmodSync(paths.keys, 0o777);
    prepareHome(paths.home);
    expect([mode(paths.home), mode(paths.keys)]).toEqual(['700', '700']);
    expect(readdirSync(paths.run)).toEqual([]);
  });

  it('that cannot be used is refused with a fix', () => {
    const file = newHome();
    writeFileSync(file, '');
    expect(() => prepareHome(file)).toThrow(ConfigError);
    expect(() => prepareHome(file)).toThrow(/not a folder/);
    expect(() => prepareHome(join(file, 'below'))).toThrow(/not a folder/);
    // Nobody, root included, can make folders there.
    if (existsSync('/proc/self'))
      expect(() => prepareHome('/proc/self/holdfast')).toThrow(/cannot be written to \((ENOENT|EACCES|EPERM)\)/);
  });

  it.skipIf(process.getuid?.() === 0)('of somebody else is refused', () => {
    const home = newHome();
    mkdirSync(home, { mode: 0o500 });
    expect(() => prepareHome(home)).toThrow(/EACCES/);
  });
});

describe('what a running server leaves there', () => {
  it('comes back as it was written, in files of mode 0600, without drafts', () => {
    const paths = prepareHome(newHome());
    writeAgentFile(paths, agent);
    writeToken(paths, 'hf_token');
    writeStopped(paths, { pid: 4, drained: 2, seconds: 0.8, sessionId: 'ses_x' });
    expect(readAgentFile(paths)).toEqual(agent);
    expect(readToken(paths)).toBe('hf_token');
    expect(readStopped(paths, 4)).toEqual({ pid: 4, drained: 2, seconds: 0.8, sessionId: 'ses_x' });
    for (const path of [paths.agentFile, paths.token, paths.stopped]) expect(mode(path)).toBe('600');
    expect(readdirSync(paths.run).sort()).toEqual(['agent.json', 'stopped.json', 'token']);
    removeToken(paths);
    expect(readToken(paths)).toBeUndefined();
  });

  it('is nothing when it is absent, damaged, or of another process', () => {
    const paths = prepareHome(newHome());
    expect(readAgentFile(paths)).toBeUndefined();
    for (const text of ['', '{', 'null', '[]', '{"pid":"4"}', JSON.stringify({ ...agent, port: '1' })]) {
      writeFileSync(paths.agentFile, text);
      expect(readAgentFile(paths)).toBeUndefined();
    }
    writeStopped(paths, { pid: 4, drained: 2, seconds: 0.8, sessionId: null });
    expect(readStopped(paths, 5)).toBeUndefined();
    expect(readAgentFile(homePaths('/nowhere/at/all'))).toBeUndefined();
  });
});
