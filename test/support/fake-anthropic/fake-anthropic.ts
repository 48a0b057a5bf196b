// Anthropic's Messages API: roles in turn, results right after their calls and before all else, thoughts only with its own seal.
import { type Answer, type Dialect, firstOf, schemaProblem, seal, TOOL_NAME, unknownKey } from '../fake-api/dialect.ts';
import { type FakeApi, startFakeApi } from '../fake-api/fake-api.ts';

interface Block {
  type: string;
  text?: string;
  thinking?: string;
  signature?: string;
  id?: string;
  name?: string;
  input?: unknown;
  tool_use_id?: string;
  content?: string | { text?: string }[];
  is_error?: boolean;
}

export interface MessagesBody {
  model: string;
  max_tokens: number;
  system?: { type: string; text: string }[];
  messages: { role: string; content: Block[] }[];
  tools?: { name: string; input_schema: unknown }[];
  stream?: boolean;
}

export type FakeAnthropic = FakeApi<MessagesBody>;

/** `ANTHROPIC_BASE_URL` is its `url`. */
export const startFakeAnthropic = (): Promise<FakeAnthropic> => startFakeApi([messages]);

const BODY_KEYS = ['model', 'max_tokens', 'system', 'messages', 'tools', 'tool_choice', 'stream'];
const BLOCK_KEYS: Record<string, string[]> = {
  text: ['type', 'text'],
  thinking: ['type', 'thinking', 'signature'],
  tool_use: ['type', 'id', 'name', 'input'],
  tool_result: ['type', 'tool_use_id', 'content', 'is_error'],
};

const messages: Dialect<MessagesBody> = {
  path: '/v1/messages',
  judge(body, headers) {
    return firstOf(
      !headers['x-api-key'] && 'no key',
      headers['anthropic-version'] !== '2023-06-01' && 'no version',
      unknownKey(body, BODY_KEYS, 'body'),
      !body.model && 'model is missing',
      !(body.max_tokens >= 1) && 'max_tokens is missing',
      body.stream !== true && 'stream is not set',
      ...(body.tools ?? []).map((tool) =>
        firstOf(
          unknownKey(tool, ['name', 'description', 'input_schema'], 'tool'),
          !TOOL_NAME.test(tool.name) && `tool name ${tool.name}`,
          schemaProblem(tool.input_schema),
        ),
      ),
      conversationProblem(body.messages ?? []),
    );
  },
  asked({ messages: said }) {
    const last = said.at(-1)?.content ?? [];
    const results = last.filter(({ type }) => type === 'tool_result').map(({ content }) => resultText(content));
    const texts = last.flatMap(({ text }) => text ?? []);
    return { text: texts.join('\n'), results: texts.length > 0 ? [] : results };
  },
  events(answer, serial) {
    const stop =
      answer.finish === 'length' ? 'max_tokens' : answer.finish === 'filter' ? 'refusal' : answer.calls ? 'tool_use' : 'end_turn';
    return [
      start(serial),
      event({ type: 'ping' }),
      ...blocksOf(answer, serial).flatMap((block, index) => blockEvents(block, index, answer.rawArguments)),
      event({ type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 7 } }),
      event({ type: 'message_stop' }),
    ];
  },
  piece: (text, serial) =>
    [
      start(serial),
      event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
      event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    ].join(''),
  ping: 'event: ping\ndata: {"type": "ping"}\n\n',
  error: ({ type, message }) => ({ type: 'error', error: { type, message }, request_id: 'req_1' }),
  errorEvent: ({ type, message }) => event({ type: 'error', error: { type, message } }),
  refusals: {
    contextTooLong: { status: 400, type: 'invalid_request_error', message: 'prompt is too long: 208310 tokens > 200000 maximum' },
    noCredit: { status: 402, type: 'billing_error', message: 'no credit' },
    // It knows no such refusal; its models decline in the answer.
    blocked: { status: 400, type: 'invalid_request_error', message: 'Output blocked by content filtering policy' },
  },
};

function event(value: { type: string } & Record<string, unknown>): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
}

function start(serial: number): string {
  const usage = { input_tokens: 12, output_tokens: 1 };
  return event({
    type: 'message_start',
    message: {
      id: `msg_${serial}`,
      type: 'message',
      role: 'assistant',
      model: 'fake',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    },
  });
}

function blocksOf({ text, calls = [], thought }: Answer, serial: number): Block[] {
  return [
    ...(thought ? [{ type: 'thinking', thinking: thought, signature: seal('anthropic', thought) }] : []),
    ...(text ? [{ type: 'text', text }] : []),
    ...calls.map((call, index) => ({ type: 'tool_use', id: `toolu_${serial}_${index}`, name: call.name, input: call.args })),
  ];
}

function blockEvents(block: Block, index: number, rawArguments?: string): string[] {
  const empty: Record<string, object> = {
    text: { type: 'text', text: '' },
    thinking: { type: 'thinking', thinking: '', signature: '' },
    tool_use: { ...block, input: {} },
  };
  const deltas: Record<string, () => object[]> = {
    text: () => (block.text?.match(/.{1,12}/gsu) ?? []).map((text) => ({ type: 'text_delta', text })),
    thinking: () => [
      { type: 'thinking_delta', thinking: block.thinking },
      { type: 'signature_delta', signature: block.signature },
    ],
    tool_use: () => [
      { type: 'input_json_delta', partial_json: '' },
      { type: 'input_json_delta', partial_json: rawArguments ?? JSON.stringify(block.input) },
    ],
  };
  return [
    event({ type: 'content_block_start', index, content_block: empty[block.type] ?? block }),
    ...(deltas[block.type]?.() ?? []).map((delta) => event({ type: 'content_block_delta', index, delta })),
    event({ type: 'content_block_stop', index }),
  ];
}

const resultText = (content: Block['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('');

function conversationProblem(said: MessagesBody['messages']): string | undefined {
  const seen = new Set<string>();
  let open = new Set<string>();
  for (const [at, { role, content }] of said.entries()) {
    const where = `messages.${at}`;
    if (role !== (at % 2 === 0 ? 'user' : 'assistant')) return `${where}: roles must alternate between "user" and "assistant"`;
    if (!Array.isArray(content) || content.length === 0) return `${where}: content is empty`;
    const answered = content.filter(({ type }) => type === 'tool_result').map(({ tool_use_id }) => tool_use_id ?? '');
    const firstOther = content.findIndex(({ type }) => type !== 'tool_result');
    const missing = [...open].find((id) => !answered.includes(id));
    const problem = firstOf(
      missing !== undefined && `${where}: tool_use ids were found without tool_result blocks immediately after: ${missing}`,
      firstOther !== -1 && firstOther < answered.length && `${where}: tool_result blocks come first`,
      answered.find((id) => !open.has(id)) !== undefined && `${where}: unexpected tool_use_id in tool_result blocks`,
      ...content.map((block, index) => blockProblem(block, role, seen, `${where}.content.${index}`)),
      role === 'assistant' && content.at(-1)?.type === 'thinking' && `${where}: the final block cannot be thinking`,
    );
    if (problem) return problem;
    open = new Set(content.filter(({ type }) => type === 'tool_use').map(({ id }) => id ?? ''));
  }
  return firstOf(said.length % 2 === 0 && 'the conversation must end with a user message');
}

function blockProblem(block: Block, role: string, seen: Set<string>, where: string): string | undefined {
  const known = BLOCK_KEYS[block.type];
  if (!known) return `${where}: type ${block.type}`;
  const isTwice = block.type === 'tool_use' && seen.has(block.id ?? '');
  if (block.type === 'tool_use') seen.add(block.id ?? '');
  return firstOf(
    unknownKey(block, known, where),
    (block.type === 'tool_result') === (role === 'assistant') &&
      block.type === 'tool_result' &&
      `${where}: tool_result belongs to the user`,
    block.type === 'tool_use' && role === 'user' && `${where}: tool_use belongs to the assistant`,
    block.type === 'text' && (block.text ?? '').trim() === '' && `${where}: text content blocks must contain non-whitespace text`,
    isTwice && `${where}: tool_use ids must be unique`,
    block.type === 'tool_use' && !/^[a-zA-Z0-9_-]+$/.test(block.id ?? '') && `${where}: id does not match the pattern`,
    block.type === 'tool_use' && !TOOL_NAME.test(block.name ?? '') && `${where}: name ${block.name}`,
    block.type === 'tool_use' &&
      (typeof block.input !== 'object' || block.input === null || Array.isArray(block.input)) &&
      `${where}: input must be an object`,
    block.type === 'thinking' &&
      block.signature !== seal('anthropic', block.thinking ?? '') &&
      `${where}: Invalid signature in thinking block`,
  );
}
