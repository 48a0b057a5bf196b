import { fileURLToPath } from 'node:url';

/** What a log line keeps of an error. No message, ever: `JSON.parse` quotes the input in it, drivers quote values, providers their bodies. */
export interface ErrorFacts {
  name: string;
  code?: string | number;
  /** Our own frames as `src/agent/turn.ts:88`, innermost first. */
  frames?: string[];
  cause?: ErrorFacts;
}

const FRAMES_MAX = 8;
const CAUSES_MAX = 4;
/** Names and codes are identifiers; free text in their place is somebody's message and is left out. */
const IDENTIFIER = /^[\w.$-]{1,64}$/;
const FRAME = /^ {4}at .*?((?:file:\/\/)?\/[^()\s]+):(\d+):\d+\)?$/;

/** Where this program lies: the folder above `src` or `dist`. */
const ROOT = rootOf(fileURLToPath(import.meta.url));

/** Never throws, whatever was thrown: a proxy, an object with angry getters, a string. */
export function describeError(error: unknown, root = ROOT): ErrorFacts {
  try {
    return facts(error, root, CAUSES_MAX);
  } catch {
    // The thing itself refused to be looked at; that is all there is to say.
    return { name: 'Unreadable' };
  }
}

function facts(error: unknown, root: string, causesLeft: number): ErrorFacts {
  if (typeof error !== 'object' || error === null) return { name: error === null ? 'null' : typeof error };
  const { name, code, stack, message, cause } = error as Partial<Record<'name' | 'code' | 'stack' | 'message' | 'cause', unknown>>;
  const told: ErrorFacts = { name: isIdentifier(name) ? name : 'Error' };
  if (typeof code === 'number' || isIdentifier(code)) told.code = code;
  if (typeof stack === 'string') {
    const frames = ownFrames(stack, typeof message === 'string' ? message : '', root);
    if (frames.length > 0) told.frames = frames;
  }
  if (cause !== undefined && causesLeft > 0) told.cause = facts(cause, root, causesLeft - 1);
  return told;
}

/** Skips the message at the head of the stack, because a line of it may look like a frame. */
function ownFrames(stack: string, message: string, root: string): string[] {
  const at = message === '' ? -1 : stack.indexOf(message);
  const frames: string[] = [];
  for (const line of stack.slice(at < 0 ? 0 : at + message.length).split('\n')) {
    const [, file = '', row] = FRAME.exec(line) ?? [];
    const path = file.startsWith('file://') ? file.slice('file://'.length) : file;
    if (!path.startsWith(root) || path.includes('/node_modules/')) continue;
    frames.push(`${path.slice(root.length)}:${row}`);
    if (frames.length === FRAMES_MAX) break;
  }
  return frames;
}

function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && IDENTIFIER.test(value);
}

function rootOf(file: string): string {
  const at = Math.max(file.lastIndexOf('/src/'), file.lastIndexOf('/dist/'));
  return file.slice(0, (at < 0 ? file.lastIndexOf('/') : at) + 1);
}
