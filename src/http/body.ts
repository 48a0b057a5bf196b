import { isUtf8 } from 'node:buffer';
import { IncomingMessage } from 'node:http';
import { AppError } from '../base/errors.ts';
import { parseJson } from './json-text.ts';
import type { HttpLimits } from './limits.ts';
import { header, type RequestView } from './request-view.ts';

type BodyLimits = Pick<HttpLimits, 'bodyBytesMax' | 'jsonDepthMax'>;

const tooLarge = new AppError('payload_too_large');
const notJson = new AppError('unsupported_media_type');
const compressed = new AppError('unsupported_media_type', { sentence: 'Compressed bodies are not accepted.' });
const empty = new AppError('invalid_request', { sentence: 'The body is empty.' });
const notUtf8 = new AppError('invalid_request', { sentence: 'The body is not valid UTF-8.' });
const cut = new AppError('invalid_request', { sentence: 'The body did not arrive completely.' });

/** `application/json`, alone or with the one charset JSON has. */
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;

export const isJsonType = (type: string | undefined): boolean => JSON_TYPE.test(type ?? '');

/**
 * The request's body as parsed JSON; undefined when it is empty and `optional`. Rejects with AppError. The size is counted while reading,
 * whatever Content-Length says, and reading stops at the limit.
 */
export async function readJsonBody(view: RequestView, limits: BodyLimits, optional: boolean): Promise<unknown> {
  const encoding = header(view, 'content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw compressed;
  if (Number(header(view, 'content-length') ?? 0) > limits.bodyBytesMax) throw tooLarge;
  const bytes = await readBytes(view.body, limits.bodyBytesMax);
  if (bytes.length === 0) {
    if (optional) return undefined;
    throw empty;
  }
  // After reading, not before: an empty optional body needs no type.
  if (!isJsonType(header(view, 'content-type'))) throw notJson;
  if (!isUtf8(bytes)) throw notUtf8;
  return parseJson(bytes, limits.jsonDepthMax);
}

function readBytes(body: RequestView['body'], bytesMax: number): Promise<Buffer> {
  if (body === null) return Promise.resolve(Buffer.alloc(0));
  return body instanceof IncomingMessage ? readFromSocket(body, bytesMax) : readFromStream(body, bytesMax);
}

/** Node's own stream, without a web stream around it. A body that stops coming is ended by the server's request timeout, which closes it. */
function readFromSocket(incoming: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = () => {
      incoming.off('data', take);
      incoming.off('end', finish);
      incoming.off('close', fail);
      incoming.off('error', fail);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > bytesMax) {
        done();
        incoming.pause();
        reject(tooLarge);
      } else chunks.push(chunk);
    };
    const finish = () => {
      done();
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size));
    };
    const fail = () => {
      done();
      reject(cut);
    };
    incoming.on('data', take);
    incoming.on('end', finish);
    incoming.on('close', fail);
    incoming.on('error', fail);
    if (incoming.destroyed && !incoming.readableEnded) fail();
  });
}

async function readFromStream(body: ReadableStream<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, size);
    size += value.length;
    if (size > bytesMax) {
      await reader.cancel();
      throw tooLarge;
    }
    chunks.push(value);
  }
}
