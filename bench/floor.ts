// The bare floor: what a turn costs when nothing is done but the least a durable, sealed chat needs. No framework, no validation, no auth, no audit, no
// metrics, no turn engine, no recovery. It reads, opens and sends the last messages of the session and stores the user's message and the reply as two
// AES-256-GCM rows in one fsynced transaction, shared by the turns that are ready together.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';

const [file = ':memory:', upstreamPort = '0', history = '20'] = process.argv.slice(2);
const historyMessages = Number(history);
const key = createSecretKey(randomBytes(32));

const db = new DatabaseSync(file);
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS message (session TEXT, seq INTEGER, role TEXT, sealed BLOB, PRIMARY KEY (session, seq)) WITHOUT ROWID;
`);
const insert = db.prepare('INSERT INTO message (session, seq, role, sealed) VALUES (?, ?, ?, ?)');
const select = db.prepare('SELECT seq, role, sealed FROM message WHERE session = ? ORDER BY seq DESC LIMIT ?');

const AUTH_TAG_BYTES = 16;
const IV_BYTES = 12;

function seal(text: string, place: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: AUTH_TAG_BYTES });
  cipher.setAAD(Buffer.from(place));
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

function open(sealed: Uint8Array, place: string): string {
  const end = sealed.length - AUTH_TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: AUTH_TAG_BYTES });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(sealed.subarray(end));
  return decipher.update(sealed.subarray(IV_BYTES, end), undefined, 'utf8') + decipher.final('utf8');
}

interface Row {
  session: string;
  seq: number;
  role: string;
  sealed: Buffer;
}

let waiting: { rows: Row[]; done: () => void }[] = [];

/** Everything that is ready in this round of the event loop shares one commit. */
function store(rows: Row[]): Promise<void> {
  return new Promise((done) => {
    if (waiting.length === 0) setImmediate(commit);
    waiting.push({ rows, done });
  });
}

function commit(): void {
  const group = waiting;
  waiting = [];
  db.exec('BEGIN IMMEDIATE');
  for (const { rows } of group) for (const row of rows) insert.run(row.session, row.seq, row.role, row.sealed);
  db.exec('COMMIT');
  for (const { done } of group) done();
}

const agent = new Agent({ keepAlive: true, maxSockets: 512 });

function askModel(messages: { role: string; text: string }[], onText: (text: string) => void): Promise<string> {
  const body = JSON.stringify({ contents: messages.map(({ role, text }) => ({ role, parts: [{ text }] })) });
  return new Promise((resolve, reject) => {
    const call = request(
      {
        agent,
        host: '127.0.0.1',
        port: Number(upstreamPort),
        method: 'POST',
        path: '/v1beta/models/fake:streamGenerateContent?alt=sse',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let rest = '';
        let reply = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          const events = (rest + chunk).split('\r\n\r\n');
          rest = events.pop() ?? '';
          for (const event of events) {
            const text = textOf(event);
            reply += text;
            if (text) onText(text);
          }
        });
        response.on('end', () => resolve(reply));
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

function textOf(event: string): string {
  const data = event.trim().slice('data: '.length);
  const parsed = JSON.parse(data) as { candidates?: { content?: { parts?: { text?: string }[] } }[] };
  return parsed.candidates?.[0]?.content?.parts?.map((part) => part.text ?? '').join('') ?? '';
}

async function chat(input: { message: string; sessionId?: string; stream?: boolean }, response: ServerResponse): Promise<void> {
  const session = input.sessionId ?? randomUUID();
  const rows = input.sessionId ? (select.all(session, historyMessages - 1) as { seq: number; role: string; sealed: Uint8Array }[]) : [];
  const last = rows[0]?.seq ?? 0;
  const messages = rows.reverse().map((row) => ({ role: row.role, text: open(row.sealed, `${session}/${row.seq}`) }));
  messages.push({ role: 'user', text: input.message });
  if (input.stream) response.writeHead(200, { 'content-type': 'text/event-stream' });
  const reply = await askModel(messages, (text) => {
    if (input.stream) response.write(`event: text.delta\ndata: ${JSON.stringify({ text })}\n\n`);
  });
  const row = (seq: number, role: string, text: string): Row => ({ session, seq, role, sealed: seal(text, `${session}/${seq}`) });
  await store([row(last + 1, 'user', input.message), row(last + 2, 'model', reply)]);
  const answer = JSON.stringify({ sessionId: session, status: 'completed', reply });
  if (input.stream) response.end(`event: turn.end\ndata: ${answer}\n\n`);
  else response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) }).end(answer);
}

function receive(incoming: IncomingMessage, response: ServerResponse): void {
  if (incoming.method === 'GET') return void response.end('ok');
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    chat(JSON.parse(Buffer.concat(chunks).toString()), response).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
}

const server = createServer(receive);
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.on('SIGTERM', () => process.exit(0));
