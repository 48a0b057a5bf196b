import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isSameProcess, processStart, signalIfSame } from './process.ts';

/** A process that waits for its input to end. */
function child() {
  const started = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  if (started.pid === undefined) throw new Error('no child');
  return { process: started, pid: started.pid };
}

describe('a process', () => {
  it('is known by its pid and start time', async () => {
    const one = child();
    const start = processStart(one.pid);
    expect(start).toBeDefined();
    expect(processStart(one.pid)).toBe(start);
    expect(isSameProcess(one.pid, start ?? '')).toBe(true);
    expect(isSameProcess(one.pid, processStart(process.pid) ?? '')).toBe(false);
    one.process.kill('SIGKILL');
    await once(one.process, 'exit');
    expect(processStart(one.pid)).toBeUndefined();
  });

  it('with a reused pid is never signalled', async () => {
    const stranger = child();
    const start = processStart(stranger.pid) ?? '';
    // What a pid file says of the former holder of this pid.
    for (const former of [`${start}1`, '', 'Mon Jan  1 00:00:00 2024']) expect(signalIfSame(stranger.pid, former, 'SIGKILL')).toBe('gone');
    const ended = once(stranger.process, 'exit');
    stranger.process.stdin.end();
    expect(await ended).toEqual([0, null]);
  });

  it('that is the one gets the signal', async () => {
    const one = child();
    const ended = once(one.process, 'exit');
    expect(signalIfSame(one.pid, processStart(one.pid) ?? '', 'SIGTERM')).toBe('sent');
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(signalIfSame(one.pid, 'whatever', 'SIGTERM')).toBe('gone');
  });

  it('is none for a number that is no pid', () => {
    for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 40]) expect(processStart(pid)).toBeUndefined();
    expect(signalIfSame(0, '', 'SIGKILL')).toBe('gone');
  });

  it.runIf(process.platform === 'linux')('that is a zombie is none', async () => {
    // The shell's child ends while the shell, stopped, does not collect it.
    const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; kill -STOP $$; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(shell.stdout, 'data');
    const pid = Number(String(line).trim());
    await expect.poll(() => processStart(pid)).toBeUndefined();
    shell.kill('SIGKILL');
    await once(shell, 'exit');
  });
});
