// Chat Completions: every call answered right after the message that made it, ids known and used once.
import { type Dialect, firstOf, schemaProblem, TOOL_NAME, unknownKey } from '../fake-api/dialect.ts';

interface ToolCall {
  id: string;
  type: string;
  function: { name: string; arguments: string };
}

interface ChatMessage {
  role: string;
  content?: string | { type: string; text?: string }[] | null;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  reasoning_content?: string;
}

export interface ChatBody {
  model: string;
  messages: ChatMessage[];
  tools?: { type: string; function: { name: string; description?: string; parameters?: unknown } }[];
  stream?: boolean;
  max_tokens?: number;
}

const BODY_KEYS = ['model', 'messages', 'tools', 'tool_choice', 'stream', 'stream_options', 'max_tokens', 'user'];
const MESSAGE_KEYS: Record<string, string[]> = {
  system: ['role', 'content'],
  user: ['role', 'content'],
  assistant: ['role', 'content', 'tool_calls', 'reasoning_content'],
  tool: ['role', 'content', 'tool_call_id'],
};
const ID_CHARS_MAX = 40;

export const chat: Dialect<ChatBody> = {
  path: '/v1/chat/completions',
  judge(body, headers) {
    return firstOf(
      headers.authorization !== undefined && !/^Bearer \S+$/.test(headers.authorization) && 'malformed authorization',
      unknownKey(body, BODY_KEYS, 'body'),
      !body.model && 'model is missing',
      body.stream !== true && 'stream is not set',
      !(body.messages?.length > 0) && 'messages is empty',
      ...(body.tools ?? []).map(({ type, function: tool }) =>
        firstOf(type !== 'function' && 'tool type', !TOOL_NAME.test(tool.name) && `tool name ${tool.name}`, schemaProblem(tool.parameters)),
      ),
      conversationProblem(body.messages ?? []),
    );
  },
  asked({ messages }) {
    const results = messages.slice(messages.findLastIndex(({ role }) => role !== 'tool') + 1).map(({ content }) => textOf(content));
    return { text: textOf(messages.at(-1)?.content), results };
  },
  events({ text, calls = [], thought, finish, rawArguments }, serial) {
    const deltas: object[] = [{ role: 'assistant', content: '' }];
    if (thought) deltas.push({ reasoning_content: thought });
    if (text) deltas.push(...(text.match(/.{1,12}/gsu) ?? []).map((content) => ({ content })));
    calls.forEach((call, index) => {
      const args = rawArguments ?? JSON.stringify(call.args);
      // Servers exist that start again at zero with every answer.
      deltas.push({ tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name: call.name, arguments: '' } }] });
      deltas.push(
        { tool_calls: [{ index, function: { arguments: args.slice(0, 3) } }] },
        { tool_calls: [{ index, function: { arguments: args.slice(3) } }] },
      );
    });
    const reason = finish === 'filter' ? 'content_filter' : (finish ?? (calls.length > 0 ? 'tool_calls' : 'stop'));
    const usage = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 };
    return [
      ...deltas.map((delta) => chunk(serial, { choices: [{ index: 0, delta, finish_reason: null }] })),
      chunk(serial, { choices: [{ index: 0, delta: {}, finish_reason: reason }] }),
      chunk(serial, { choices: [], usage }),
      'data: [DONE]\n\n',
    ];
  },
  piece: (text, serial) => chunk(serial, { choices: [{ index: 0, delta: { content: text }, finish_reason: null }] }),
  ping: '',
  error: ({ type, code, message }) => ({ error: { message, type, param: null, code: code ?? null } }),
  errorEvent: ({ type, code, message }) => `data: ${JSON.stringify({ error: { message, type, param: null, code } })}\n\n`,
  refusals: {
    contextTooLong: { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded', message: 'maximum context length' },
    noCredit: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota' },
    blocked: { status: 400, type: 'invalid_request_error', code: 'content_filter', message: 'filtered' },
  },
};

function chunk(serial: number, more: object): string {
  return `data: ${JSON.stringify({ id: `chatcmpl-${serial}`, object: 'chat.completion.chunk', created: 1, model: 'fake', ...more })}\n\n`;
}

const textOf = (content: ChatMessage['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('');

function conversationProblem(messages: ChatMessage[]): string | undefined {
  const seen = new Set<string>();
  let open = new Set<string>();
  for (const [at, message] of messages.entries()) {
    const where = `messages[${at}]`;
    const known = MESSAGE_KEYS[message.role];
    if (!known) return `${where}: role ${message.role}`;
    if (message.role !== 'tool' && open.size > 0)
      return `An assistant message with 'tool_calls' must be followed by tool messages responding to each: ${[...open].join()}`;
    const problem = firstOf(
      unknownKey(message, known, where),
      message.role === 'system' && at > 0 && `${where}: system is not first`,
      message.role === 'user' && textOf(message.content).trim() === '' && `${where}: empty user message`,
      message.role === 'assistant' && !message.tool_calls && textOf(message.content) === '' && `${where}: empty assistant message`,
      message.role === 'tool' && !open.has(message.tool_call_id ?? '') && `${where}: unknown tool_call_id ${message.tool_call_id}`,
      message.role === 'tool' && typeof message.content !== 'string' && `${where}: content of a tool is text`,
      ...(message.tool_calls ?? []).map((call) => callProblem(call, seen, where)),
    );
    if (problem) return problem;
    if (message.role === 'tool') open.delete(message.tool_call_id ?? '');
    else open = new Set((message.tool_calls ?? []).map(({ id }) => id));
  }
  return firstOf(open.size > 0 && 'the last calls have no results', messages.at(-1)?.role === 'assistant' && 'nothing is asked');
}

function callProblem({ id, type, function: called }: ToolCall, seen: Set<string>, where: string): string | undefined {
  const twice = seen.has(id);
  seen.add(id);
  return firstOf(
    twice && `${where}: tool call id ${id} is used twice`,
    type !== 'function' && `${where}: type ${type}`,
    (id === '' || id.length > ID_CHARS_MAX) && `${where}: id must have 1 to ${ID_CHARS_MAX} characters`,
    !TOOL_NAME.test(called.name) && `${where}: name ${called.name}`,
    !isObjectText(called.arguments) && `${where}: arguments are no JSON object`,
  );
}

export function isObjectText(text: unknown): boolean {
  try {
    const value: unknown = JSON.parse(String(text));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
