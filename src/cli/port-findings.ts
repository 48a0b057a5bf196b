// Whether the configured ports can be had, or are ours already. A port is tried by opening it for a moment.
import type { Config } from '../base/config.ts';
import { freePortNear, tryPort } from '../base/free-port.ts';
import type { AgentFile } from '../base/home.ts';
import { type Finding, well } from '../contract/finding.ts';
import { CallFailed, call } from './http-client.ts';
import { callableHost } from './target.ts';

const ASK_MS_MAX = 1_000;

type Ports = Pick<Config, 'host' | 'port' | 'dashboardPort' | 'dashboardPortIsDefault'>;

export async function portFindings(config: Ports, running: AgentFile | undefined): Promise<Finding[]> {
  const { host, port, dashboardPort, dashboardPortIsDefault } = config;
  const ours = new Set(running ? [running.port, running.dashboardPort] : []);
  const taken = [port, dashboardPort];
  const found = [await look({ host, port, name: 'PORT', isNeeded: true, taken }, ours)];
  if (dashboardPort !== 0)
    found.push(await look({ host, port: dashboardPort, name: 'DASHBOARD_PORT', isNeeded: !dashboardPortIsDefault, taken }, ours));
  return found;
}

interface Wanted {
  host: string;
  port: number;
  name: string;
  /** A start is refused without it. */
  isNeeded: boolean;
  /** Of both listeners: not to be suggested for the other. */
  taken: number[];
}

async function look({ host, port, name, isNeeded, taken }: Wanted, ours: ReadonlySet<number>): Promise<Finding> {
  const subject = `${name} ${port}`;
  const fine = (cause: string): Finding => ({ ...well('ports', cause), subject });
  if (port === 0) return fine('Any free port is taken.');
  if (ours.has(port)) return fine(`Port ${port} is ours.`);
  const refused = await tryPort(host, port);
  if (refused === undefined) return fine(`Port ${port} is free.`);
  const option = name === 'PORT' ? '--port' : '--dashboard-port';
  const severity = isNeeded ? ('error' as const) : ('info' as const);
  if (refused === 'EADDRINUSE') {
    const who = (await isHoldfast(host, port)) ? 'another Holdfast agent, of another home' : 'another program';
    const cause = `Port ${port} on ${host} is in use by ${who}${isNeeded ? '' : '; a start goes on without it'}.`;
    const fix = `holdfast start ${option} ${await freePortNear(host, port, taken)}   # or stop what has it: lsof -nP -iTCP:${port} -sTCP:LISTEN`;
    return { id: 'ports', subject, severity, cause, fix };
  }
  const cause = `Port ${port} on ${host} cannot be opened (${refused}).`;
  const fix = refused === 'EACCES' ? `holdfast start ${option} ${name === 'PORT' ? 8000 : 3000}` : 'holdfast start --host 127.0.0.1';
  return { id: 'ports', subject, severity, cause, fix };
}

/** Asked without a key. */
export async function isHoldfast(host: string, port: number): Promise<boolean> {
  try {
    const { headers, body } = await call(
      { baseUrl: `http://${callableHost(host)}:${port}`, isLocal: true },
      { path: '/livez', timeoutMs: ASK_MS_MAX },
    );
    return headers['x-request-id'] !== undefined && typeof body === 'object' && body !== null && 'state' in body;
  } catch (error) {
    if (error instanceof CallFailed) return false;
    throw error;
  }
}
