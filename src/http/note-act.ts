import { AppError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Store } from '../store/store.ts';

export type Act = Parameters<Store['audit']>[0];

/**
 * The row of an act that changes nothing, such as a reading. It is durable before the act's answer leaves, but a store that cannot write does not
 * keep an operator from reading: then the log says what the audit does not.
 */
export async function noteAct({ store, log }: { store: Pick<Store, 'audit'>; log: Logger }, act: Act): Promise<void> {
  try {
    await store.audit(act);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { requestId, principal, action: reason } = act;
    log.warn('audit.failed', { requestId, principal, reason, code: error.code });
  }
}
