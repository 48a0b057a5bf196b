import { AppError } from '../../base/errors.ts';
import { isoTime } from '../../base/iso-time.ts';
import type { Logger } from '../../base/log.ts';
import type { AuditRow, AuditVerification } from '../../contract/audit.ts';
import type { Store } from '../../store/store.ts';
import { type HandlersOf, json } from '../call.ts';
import { noteAct } from '../note-act.ts';
import { pageOf } from '../paging.ts';

export function auditHandlers(parts: { store: Store; log: Logger }): HandlersOf<'listAudit' | 'verifyAudit'> {
  const { store } = parts;
  /** It reads everything there is: one at a time. */
  let underWay: Promise<AuditVerification> | undefined;

  return {
    async listAudit({ query: { limit, cursor, action, principal, since } }) {
      const { items, nextCursor } = await store.auditTrail({
        limit,
        ...(cursor !== undefined && { cursor }),
        ...(action !== undefined && { action }),
        ...(principal !== undefined && { principal }),
        ...(since !== undefined && { since: Date.parse(since) }),
      });
      const rows = items.map((row): AuditRow => ({ ...row, at: isoTime(row.at) }));
      return json(200, pageOf({ items: rows, nextCursor }));
    },
    async verifyAudit({ body, principal, requestId }) {
      if (underWay) throw new AppError('conflict', { sentence: 'The audit is being verified already; ask again when that is done.' });
      underWay = store.verifyAudit(body.heads ?? []);
      try {
        const found = await underWay;
        const act = { principal: principal.id, action: 'audit.verify', target: store.agentId, requestId } as const;
        const detail = { rows: found.rows, findings: found.findingsTotal };
        await noteAct(parts, { ...act, outcome: found.ok ? 'ok' : 'findings', detail });
        return json(200, found);
      } finally {
        underWay = undefined;
      }
    },
  };
}
