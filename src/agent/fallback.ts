import type { ModelState } from '../contract/status.ts';
import type { TurnReason } from '../contract/turn.ts';

/**
 * The honest sentence that stands in for a reply. It says that no model wrote it, what happened in plain words and what to do; it never
 * carries anything a provider said.
 */
const SENTENCES: Partial<Record<TurnReason, string>> = {
  model_unavailable:
    'I could not reach the language model, so this is an automatic reply and not an answer. Your message is stored; please try again in a little while.',
  deadline:
    'The language model did not answer in time, so this is an automatic reply and not an answer. Your message is stored; please try again.',
  queue_timeout:
    'Earlier messages of this conversation took too long, so yours was not answered in time. This is an automatic reply; your message is stored, please try again.',
  incomplete:
    'The language model broke off, so the text above is not complete. This notice is automatic; please try again for a whole answer.',
  blocked: 'The language model declined to answer this message for safety reasons. This is an automatic reply; rephrasing may help.',
  step_limit:
    'The work on this message needed more steps than allowed and was stopped. This is an automatic reply; a narrower question may help.',
  middleware:
    'This agent’s own checks failed on this message, so there is no answer to release. This is an automatic reply; please contact its operator.',
};
const OTHERWISE =
  'Your message could not be answered this time. This is an automatic reply and not an answer; your message is stored, please try again.';

const LASTING =
  'The language model cannot be used as this agent is set up, so this is an automatic reply and not an answer. Your message is stored; waiting will not help until its operator has mended it.';

/** `lasting`: no model can answer before somebody changes a setting, so nobody is told to try again. */
export const fallbackFor = (reason: TurnReason, lasting = false): string =>
  lasting && reason === 'model_unavailable' ? LASTING : (SENTENCES[reason] ?? OTHERWISE);

/** True when every model lacks or is refused its key, or is not known to its provider. */
export const isLasting = (states: readonly ModelState[]): boolean =>
  states.every(
    ({ state, lastFailure }) => state === 'bad_key' || state === 'unconfigured' || (state === 'ok' && lastFailure === 'http_404'),
  );
