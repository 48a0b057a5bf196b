// What the codes of failed model calls and tools mean to whoever operates the agent.

export interface Advice {
  cause: string;
  fix: string;
}

const STATUS = 'holdfast status --deep';
const ADVICE: readonly (readonly [RegExp, Advice])[] = [
  [
    /^(bad_key|api_key_invalid|malformed_key|no_key|http_40[13])$/,
    { cause: 'The provider refuses the key, or there is none.', fix: 'Set a valid key, then: holdfast restart' },
  ],
  [
    /^no_credit$/,
    {
      cause: 'The account behind the key has no credit left.',
      fix: 'Add credit at the provider, or name another model in HOLDFAST_MODELS.',
    },
  ],
  [
    /^http_404$/,
    {
      cause: 'The provider does not know this model.',
      fix: 'Correct HOLDFAST_MODELS, then: holdfast restart (with Ollama: ollama pull MODEL)',
    },
  ],
  [
    /^http_429$/,
    { cause: 'The provider limits how often it may be called.', fix: 'Raise the quota there, or name another model in HOLDFAST_MODELS.' },
  ],
  [
    /^(http_4\d\d|context_too_long)$/,
    {
      cause: 'The provider refuses this request; the conversation may be too long for the model.',
      fix: 'Start a new session: holdfast chat --new',
    },
  ],
  [
    /^http_\d\d\d$/,
    { cause: 'The provider is in trouble.', fix: `Look at its status page, or name another model in HOLDFAST_MODELS. ${STATUS}` },
  ],
  [
    /^(dns_failed|connect_\w+|tls_failed|not_http|reset\w*)$/,
    { cause: 'The provider could not be reached.', fix: `Check network, proxy and base URL: ${STATUS}` },
  ],
  [
    /^(first_byte_timeout|idle_timeout)$/,
    { cause: 'The model said nothing for too long.', fix: 'If this model thinks long, raise HOLDFAST_FIRST_BYTE_MS and HOLDFAST_IDLE_MS.' },
  ],
  [/^(breaker_open|in_a_row)$/, { cause: 'The model was not called because it kept failing; it is probed until it is back.', fix: STATUS }],
  [
    /^(queue_full|queue_timeout)$/,
    { cause: 'More calls than may run at once.', fix: 'Raise HOLDFAST_MODEL_CONCURRENCY if the provider allows it.' },
  ],
  [
    /^blocked_/,
    { cause: 'The provider’s safety rules stopped the answer.', fix: 'Say it another way; another model may judge it differently.' },
  ],
  [/^deadline$/, { cause: 'The turn’s time was over.', fix: 'Allow more with deadlineMs or HOLDFAST_DEADLINE_MS.' }],
  [/^cancelled$/, { cause: 'The turn was cancelled.', fix: 'Nothing to do.' }],
  [/^tool_error$/, { cause: 'A tool failed.', fix: 'The log says why: holdfast logs --level warn' }],
  [
    /^tool_unknown$/,
    {
      cause: 'The server stopped while a tool ran. Whether it took effect is not known, and it was not run again.',
      fix: 'Look at what the tool acts upon.',
    },
  ],
];
const BROKEN: Advice = {
  cause: 'The model’s answer broke off, came empty or could not be read.',
  fix: 'Retry the turn; if it stays so, name another model.',
};

export const adviceFor = (code: string): Advice => ADVICE.find(([pattern]) => pattern.test(code))?.[1] ?? BROKEN;
