// Whom the command line talks to: the agent of this folder, or the one HOLDFAST_URL names.
import { type ClientConfig, loadClientConfig } from '../base/config.ts';
import { type AgentFile, type HomePaths, homePaths, readAgentFile, readToken } from '../base/home.ts';
import { closedHomeOwner, foreignHome } from '../base/home-owner.ts';
import { isSameProcess } from '../base/process.ts';
import { isLoopback } from '../base/setting-parsers.ts';
import type { Context } from './context.ts';
import { CliError, EXIT, usageError } from './failure.ts';

export interface Target {
  /** Without a trailing slash. */
  baseUrl: string;
  bearer?: string;
  isLocal: boolean;
  /** Where the bearer was set, when it was: a stale one hides the agent's own. */
  bearerFrom?: 'the environment' | '.env';
}

export interface Finder {
  isLocal: boolean;
  paths: HomePaths;
  /** The running agent of this folder; undefined when there is none. */
  running(): AgentFile | undefined;
  /** Looked up anew each time: a restarted agent has another port and another token. Throws CliError 3 when nothing runs. */
  target(): Target;
}

/** Throws CliError `not_owner` for a home that is closed to this user: nothing that could be said of it would be true. */
export function createFinder(context: Pick<Context, 'env' | 'cwd'>): Finder {
  const client = loadClientConfig(context);
  const paths = homePaths(client.home);
  const remote = client.url === undefined ? undefined : { ...remoteTarget(client, client.url), ...keySource(context, client) };
  const owner = remote ? undefined : closedHomeOwner(paths);
  if (owner) {
    const { cause, fix } = foreignHome(paths.home, owner);
    throw new CliError(cause, { exit: EXIT.authentication, fix, code: 'not_owner' });
  }
  const running = () => {
    const agent = readAgentFile(paths);
    return agent && isSameProcess(agent.pid, agent.processStart) ? agent : undefined;
  };
  return {
    isLocal: remote === undefined,
    paths,
    running,
    target() {
      if (remote) return remote;
      const agent = running();
      if (!agent) throw notRunning(client.home);
      return { ...localTarget(agent, client.apiKey?.reveal() ?? readToken(paths)), ...keySource(context, client) };
    },
  };
}

const keySource = ({ env }: Pick<Context, 'env'>, { apiKey }: ClientConfig): Pick<Target, 'bearerFrom'> =>
  apiKey === undefined ? {} : { bearerFrom: env.HOLDFAST_API_KEY ? 'the environment' : '.env' };

export const notRunning = (home: string): CliError =>
  new CliError(`The agent is not running (looked in ${home}).`, { exit: EXIT.unreachable, fix: 'holdfast start', code: 'not_running' });

/** An address to listen on is not always one to call: `0.0.0.0` and `::` mean every address of this machine. */
export function callableHost(host: string): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return address.includes(':') ? `[${address}]` : address;
}

export function localTarget(agent: AgentFile, bearer: string | undefined): Target {
  return { baseUrl: `http://${callableHost(agent.host)}:${agent.port}`, isLocal: true, ...(bearer === undefined ? {} : { bearer }) };
}

/** A key in clear over a network can be read by everybody on the way. */
function remoteTarget(client: ClientConfig, url: string): Target {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && client.apiKey !== undefined && !isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'))) {
    throw new CliError('HOLDFAST_URL is plain http to another machine: the API key would travel in clear.', {
      exit: EXIT.config,
      fix: 'use an https:// address, or a tunnel: ssh -L 8000:127.0.0.1:8000 <host>, then HOLDFAST_URL=http://127.0.0.1:8000',
      code: 'config_invalid',
    });
  }
  const bearer = client.apiKey?.reveal();
  return { baseUrl: url, isLocal: false, ...(bearer === undefined ? {} : { bearer }) };
}

/** For verbs that act on processes and files of this machine. */
export function requireLocal(finder: Finder, verb: string): void {
  if (finder.isLocal) return;
  throw usageError(
    `HOLDFAST_URL names an agent elsewhere, and ${verb} works on the agent of this folder only.`,
    `env -u HOLDFAST_URL holdfast ${verb}`,
  );
}
