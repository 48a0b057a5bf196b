import { useInfiniteQuery } from '@tanstack/react-query';
import type { AuditFinding, AuditRow } from '../../../../src/contract/audit.ts';
import type { AuditAction } from '../../../../src/contract/audit-actions.ts';
import { api } from '../../lib/api.ts';

const PAGE = 100;
const EXPORT_PAGE = 200;
/** 100,000 rows; more are exported with `holdfast audit`. */
const EXPORT_PAGES_MAX = 500;
const REFRESH_MS = 5_000;

/** Does not compile when the contract has other ones. */
const KNOWN: Record<AuditAction, true> = {
  'install.create': true,
  'agent.start': true,
  'agent.stop': true,
  'agent.examine': true,
  'session.create': true,
  'session.update': true,
  'session.read': true,
  'session.delete': true,
  'turn.accept': true,
  'turn.cancel': true,
  'turn.recover': true,
  'turn.end': true,
  'model.call': true,
  'tool.call': true,
  'audit.verify': true,
  'key.create': true,
  'key.revoke': true,
  'login.link': true,
  login: true,
  logout: true,
  'login.revoke': true,
  'auth.refuse': true,
};
export const ACTIONS = Object.keys(KNOWN).sort();

export const SPANS = { '1h': 'Last hour', '24h': 'Last 24 hours', '7d': 'Last 7 days', '30d': 'Last 30 days' } as const;
const SPAN_MS: Record<string, number> = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000 };

export interface AuditFilters {
  action: string | undefined;
  principal: string | undefined;
  span: string | undefined;
}

function queryOf({ action, principal, span }: AuditFilters, now: number) {
  const ms = SPAN_MS[span ?? ''];
  return {
    ...(action !== undefined && { action }),
    ...(principal !== undefined && { principal }),
    ...(ms !== undefined && { since: new Date(now - ms).toISOString() }),
  };
}

/** Newest first. New rows show up by themselves as long as only the first page is open. */
export function useAudit(filters: AuditFilters) {
  return useInfiniteQuery({
    queryKey: ['audit', filters],
    queryFn: ({ pageParam }) =>
      api.listAudit({ query: { ...queryOf(filters, Date.now()), limit: PAGE, ...(pageParam !== null && { cursor: pageParam }) } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 ? REFRESH_MS : false),
    placeholderData: (before) => before,
  });
}

/** Everything that passes the filters, newest first; `isWhole` is false when there is more than may be exported at once. */
export async function readAllAudit(filters: AuditFilters, told: (rows: number) => void): Promise<{ rows: AuditRow[]; isWhole: boolean }> {
  const query = queryOf(filters, Date.now());
  const rows: AuditRow[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < EXPORT_PAGES_MAX; pages += 1) {
    const page = await api.listAudit({ query: { ...query, limit: EXPORT_PAGE, ...(cursor !== undefined && { cursor }) } });
    rows.push(...page.data);
    told(rows.length);
    if (page.nextCursor === null) return { rows, isWhole: true };
    cursor = page.nextCursor;
  }
  return { rows, isWhole: false };
}

export const placeOf = ({ writer, seq }: { writer: string; seq: number }): string => `${writer}.${seq}`;

/** The finding that names this row. */
export const findingAt = (findings: readonly AuditFinding[], row: AuditRow): AuditFinding | undefined =>
  findings.find(({ kind, writer, seq, toSeq = seq }) => kind !== 'gap' && writer === row.writer && row.seq >= seq && row.seq <= toSeq);
