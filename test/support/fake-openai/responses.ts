// OpenAI's Responses API without storage: items in order, every call with its output, reasoning sealed and followed by what it led to.
import { type Answer, type Dialect, firstOf, schemaProblem, seal, TOOL_NAME, unknownKey } from '../fake-api/dialect.ts';
import { isObjectText } from './chat.ts';

interface Item {
  type?: string;
  role?: string;
  content?: string | { type: string; text?: string }[];
  call_id?: string;
  id?: string;
  name?: string;
  arguments?: string;
  output?: unknown;
  encrypted_content?: string;
  summary?: unknown;
}

export interface ResponsesBody {
  model: string;
  input: Item[];
  store?: boolean;
  include?: string[];
  stream?: boolean;
  max_output_tokens?: number;
  tools?: { type: string; name: string; parameters: unknown; strict?: boolean }[];
}

const BODY_KEYS = ['model', 'input', 'store', 'include', 'stream', 'tools', 'tool_choice', 'max_output_tokens'];
const ITEM_KEYS: Record<string, string[]> = {
  message: ['type', 'role', 'content', 'phase'],
  function_call: ['type', 'id', 'call_id', 'name', 'arguments', 'status'],
  function_call_output: ['type', 'call_id', 'output', 'status'],
  reasoning: ['type', 'id', 'encrypted_content', 'summary'],
};

export const responses: Dialect<ResponsesBody> = {
  path: '/v1/responses',
  judge(body, headers) {
    return firstOf(
      !/^Bearer \S+$/.test(headers.authorization ?? '') && 'no key',
      unknownKey(body, BODY_KEYS, 'body'),
      !body.model && 'model is missing',
      body.stream !== true && 'stream is not set',
      body.store !== false && 'it would be stored on the other side',
      body.max_output_tokens !== undefined && body.max_output_tokens < 16 && 'max_output_tokens must be at least 16',
      ...(body.tools ?? []).map((tool) =>
        firstOf(
          tool.type !== 'function' && 'tool type',
          !TOOL_NAME.test(tool.name) && `tool name ${tool.name}`,
          tool.strict !== false && 'a strict tool needs a closed schema',
          schemaProblem(tool.parameters),
        ),
      ),
      inputProblem(body.input ?? []),
    );
  },
  asked({ input }) {
    const results = input.slice(input.findLastIndex(({ type }) => type !== 'function_call_output') + 1).map(({ output }) => String(output));
    return { text: textOf(input.at(-1)), results };
  },
  events(answer, serial) {
    const items = itemsOf(answer, serial);
    const incomplete = answer.finish === 'length' ? 'max_output_tokens' : answer.finish === 'filter' ? 'content_filter' : null;
    const usage = {
      input_tokens: 12,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 19,
    };
    const ended = {
      id: `resp_${serial}`,
      created_at: 1,
      model: 'fake',
      usage,
      incomplete_details: incomplete === null ? null : { reason: incomplete },
    };
    return [
      ...prelude(serial),
      ...items.flatMap((item, index) => itemEvents(item, index)),
      event({ type: incomplete === null ? 'response.completed' : 'response.incomplete', response: ended }),
    ];
  },
  piece: (text, serial) =>
    [
      ...prelude(serial),
      event({
        type: 'response.output_item.added',
        output_index: 0,
        item: { type: 'message', id: `msg_${serial}`, role: 'assistant', content: [] },
      }),
      event({ type: 'response.output_text.delta', item_id: `msg_${serial}`, output_index: 0, content_index: 0, delta: text }),
    ].join(''),
  ping: event({ type: 'keepalive' }),
  error: ({ type, code, message }) => ({ error: { message, type, param: null, code: code ?? null } }),
  errorEvent: ({ code, message }) =>
    event({ type: 'error', sequence_number: 3, error: { type: 'server_error', code, message, param: null } }),
  refusals: {
    contextTooLong: { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded', message: 'exceeds the context window' },
    noCredit: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota' },
    blocked: { status: 400, type: 'invalid_request_error', code: 'invalid_prompt', message: 'limited access' },
  },
};

function event(value: { type: string } & Record<string, unknown>): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
}

function prelude(serial: number): string[] {
  const response = { id: `resp_${serial}`, created_at: 1, model: 'fake', object: 'response', status: 'in_progress' };
  return [event({ type: 'response.created', response }), event({ type: 'response.in_progress', response })];
}

type OutItem = { type: string; id: string } & Record<string, unknown>;

function itemsOf({ text, calls = [], thought, rawArguments }: Answer, serial: number): OutItem[] {
  return [
    ...(thought ? [{ type: 'reasoning', id: `rs_${serial}`, summary: [], encrypted_content: seal('openai', thought) }] : []),
    ...(text
      ? [{ type: 'message', id: `msg_${serial}`, role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] }]
      : []),
    ...calls.map((call, index) => ({
      type: 'function_call',
      id: `fc_${serial}_${index}`,
      call_id: `call_${serial}_${index}`,
      name: call.name,
      arguments: rawArguments ?? JSON.stringify(call.args),
      status: 'completed',
    })),
  ];
}

function itemEvents(item: OutItem, index: number): string[] {
  const begun: OutItem = {
    ...item,
    ...(item.type === 'message' ? { content: [] } : {}),
    ...(item.type === 'function_call' ? { arguments: '', status: 'in_progress' } : {}),
  };
  if (item.type === 'reasoning') begun.encrypted_content = null;
  const between: string[] = [];
  if (item.type === 'message') {
    const [{ text }] = item.content as [{ text: string }];
    for (const delta of text.match(/.{1,12}/gsu) ?? [])
      between.push(event({ type: 'response.output_text.delta', item_id: item.id, output_index: index, content_index: 0, delta }));
  }
  if (item.type === 'function_call')
    between.push(
      event({ type: 'response.function_call_arguments.delta', item_id: item.id, output_index: index, delta: String(item.arguments) }),
    );
  return [
    event({ type: 'response.output_item.added', output_index: index, item: begun }),
    ...between,
    event({ type: 'response.output_item.done', output_index: index, item }),
  ];
}

const textOf = (item: Item | undefined): string =>
  typeof item?.content === 'string' ? item.content : (item?.content ?? []).map(({ text }) => text ?? '').join('');

function inputProblem(input: Item[]): string | undefined {
  const called = new Map<string, boolean>();
  for (const [at, item] of input.entries()) {
    const type = item.type ?? 'message';
    const known = ITEM_KEYS[type];
    const where = `input[${at}]`;
    if (!known) return `${where}: type ${type} (with storage off nothing can be referred to)`;
    const next = input[at + 1]?.type ?? 'message';
    const problem = firstOf(
      unknownKey(item, known, where),
      type === 'message' && !['system', 'developer', 'user', 'assistant'].includes(item.role ?? '') && `${where}: role ${item.role}`,
      type === 'message' && textOf(item).trim() === '' && `${where}: empty message`,
      type === 'function_call' && called.has(item.call_id ?? '') && `${where}: call_id ${item.call_id} is used twice`,
      type === 'function_call' && !TOOL_NAME.test(item.name ?? '') && `${where}: name ${item.name}`,
      type === 'function_call' && !isObjectText(item.arguments) && `${where}: arguments are no JSON object`,
      type === 'function_call' && !(item.call_id && item.call_id.length <= 64) && `${where}: call_id must have 1 to 64 characters`,
      type === 'function_call_output' &&
        called.get(item.call_id ?? '') !== false &&
        `No tool call found for function call output with call_id ${item.call_id}.`,
      type === 'reasoning' &&
        !item.encrypted_content?.startsWith('openai-sealed-') &&
        `${where}: the encrypted content could not be verified`,
      type === 'reasoning' &&
        (at + 1 >= input.length || next === 'function_call_output' || input[at + 1]?.role === 'user') &&
        `${where}: reasoning without its following item`,
    );
    if (problem) return problem;
    if (type === 'function_call') called.set(item.call_id ?? '', false);
    if (type === 'function_call_output') called.set(item.call_id ?? '', true);
    const isNewTurn = type === 'message' && item.role === 'user';
    const missing = [...called].find(([, answered]) => !answered)?.[0];
    if ((isNewTurn || at === input.length - 1) && missing !== undefined) return `No tool output found for function call ${missing}.`;
  }
  return firstOf(input.length === 0 && 'input is empty', input.at(-1)?.role === 'assistant' && 'nothing is asked');
}
