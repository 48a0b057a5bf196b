// HTTP/1.1 over one kept socket, as little of it as the measurement needs: a full client would cost more than the server under test.
import { connect, type Socket } from 'node:net';

export interface WireAnswer {
  status: number;
  /** Head and body as they came; chunk sizes of a chunked body included. */
  text: string;
  /** Monotonic time at which `mark` was first seen in the body, else null. */
  markedAt: number | null;
}

interface Pending {
  parts: Buffer[];
  bytes: number;
  /** Bytes of head and body together; undefined until the head is read, Infinity for a chunked body. */
  wanted: number | undefined;
  status: number;
  markedAt: number | null;
  resolve(answer: WireAnswer): void;
  reject(error: Error): void;
}

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

export class WireClient {
  readonly #socket: Socket;
  readonly #mark: string;
  readonly #head: string;
  #pending: Pending | undefined;

  private constructor(socket: Socket, head: string, mark: string) {
    this.#socket = socket;
    this.#head = head;
    this.#mark = mark;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    const lost = (error?: Error) => {
      this.#pending?.reject(error ?? new Error('the server closed the connection'));
      this.#pending = undefined;
    };
    socket.on('error', lost);
    socket.on('close', () => lost());
  }

  static open(target: { port: number; path: string; headers: string; mark: string }): Promise<WireClient> {
    const head = `POST ${target.path} HTTP/1.1\r\nhost: 127.0.0.1:${target.port}\r\n${target.headers}content-type: application/json\r\ncontent-length: `;
    return new Promise((resolve, reject) => {
      const socket = connect(target.port, '127.0.0.1', () => resolve(new WireClient(socket, head, target.mark)));
      socket.once('error', reject);
    });
  }

  /** One at a time. */
  post(body: string): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      this.#pending = { parts: [], bytes: 0, wanted: undefined, status: 0, markedAt: null, resolve, reject };
      this.#socket.write(`${this.#head}${Buffer.byteLength(body)}${HEAD_END}${body}`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const pending = this.#pending;
    if (!pending) return;
    pending.parts.push(chunk);
    pending.bytes += chunk.length;
    if (this.#mark !== '' && pending.markedAt === null && chunk.includes(this.#mark)) pending.markedAt = performance.now();
    if (pending.wanted === undefined) readHead(pending);
    const over =
      pending.wanted === Number.POSITIVE_INFINITY
        ? chunk.subarray(-5).equals(LAST_CHUNK)
        : pending.bytes >= (pending.wanted ?? Number.POSITIVE_INFINITY);
    if (!over) return;
    this.#pending = undefined;
    pending.resolve({ status: pending.status, text: joined(pending.parts).toString('utf8'), markedAt: pending.markedAt });
  }
}

const joined = (parts: Buffer[]): Buffer => (parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));

function readHead(pending: Pending): void {
  const all = joined(pending.parts);
  const end = all.indexOf(HEAD_END);
  if (end === -1) return;
  const head = all.toString('latin1', 0, end).toLowerCase();
  pending.status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/.exec(head);
  pending.wanted = length ? end + HEAD_END.length + Number(length[1]) : Number.POSITIVE_INFINITY;
}
