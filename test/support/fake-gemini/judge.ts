// What Gemini refuses in a conversation with tools: results that do not follow their calls, and thoughts that are not its own.
import type { GeminiContent, GeminiRequest } from './behaviour.ts';

/** Undefined for a request Gemini would take. `signatures`: those it gave out. */
export function geminiProblem({ contents = [] }: GeminiRequest, signatures: readonly string[]): string | undefined {
  if (contents[0]?.role !== 'user') return 'the first content is not the user’s';
  for (const [at, content] of contents.entries()) {
    const problem = partsProblem(content, signatures) ?? pairingProblem(contents[at - 1], content);
    if (problem !== undefined) return `contents[${at}]: ${problem}`;
  }
  const last = contents.at(-1);
  return last?.role !== 'user' ? 'nothing is asked' : undefined;
}

function partsProblem({ role, parts = [] }: GeminiContent, signatures: readonly string[]): string | undefined {
  if (role !== 'user' && role !== 'model') return `role ${role}`;
  if (parts.length === 0) return 'no parts';
  for (const part of parts) {
    if (part.thoughtSignature !== undefined && !signatures.includes(part.thoughtSignature)) return 'a thought signature of somebody else';
    if (part.functionCall && role !== 'model') return 'a call of the user';
    if (part.functionResponse && role !== 'user') return 'a result of the model';
    const args = part.functionCall?.args;
    if (part.functionCall && (typeof args !== 'object' || args === null || Array.isArray(args))) return 'arguments are no object';
  }
  return undefined;
}

/** "The number of function response parts is equal to the number of function call parts of the function call turn." */
function pairingProblem(before: GeminiContent | undefined, content: GeminiContent): string | undefined {
  const called = (before?.parts ?? []).flatMap(({ functionCall }) => (functionCall ? [functionCall] : []));
  const answered = (content.parts ?? []).flatMap(({ functionResponse }) => (functionResponse ? [functionResponse] : []));
  if (called.length !== answered.length) return `${called.length} calls, ${answered.length} results`;
  const wrong = answered.find(({ id, name }, index) => called[index]?.name !== name || called[index]?.id !== id);
  return wrong ? `a result of ${wrong.name} is not in the place of its call` : undefined;
}
