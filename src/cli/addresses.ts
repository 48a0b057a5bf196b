// Where a running agent is for people, and the link that lets them in.
import type { AgentFile } from '../base/home.ts';
import type { LoginLink } from '../contract/login.ts';
import { fetchBody } from './http-client.ts';
import { callableHost, type Target } from './target.ts';

interface Addresses {
  api: string;
  docs: string;
  dashboard: string;
}

/** Without a listener of its own the dashboard is on the API port. */
export function addressesOf(agent: AgentFile): Addresses {
  const host = callableHost(agent.host);
  const api = `http://${host}:${agent.port}`;
  const dashboard = agent.dashboardPort === 0 ? `${api}/ui/` : `http://${host}:${agent.dashboardPort}/`;
  return { api, docs: `${api}/docs`, dashboard };
}

/** A fresh one-time link to the dashboard; `address` is where it is unless the server knows a public one. */
export async function mintLink(target: Target, address: string): Promise<{ url: string; expiresAt: string }> {
  const { url, fragment, expiresAt } = await fetchBody<LoginLink>(target, { method: 'POST', path: '/v1/login-links' });
  return { url: url ?? address + fragment, expiresAt };
}
