// The dashboard's files, as the build left them beside the program. Read when first asked for, then kept: they are few and never change while we run.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { AppError } from '../base/errors.ts';
import type { Reply } from './call.ts';
import { header, type RequestView } from './request-view.ts';

export interface WebFiles {
  /** The page itself. */
  index(view: RequestView): Reply;
  /** A file of `assets/`. Throws `not_found` for a name the build did not make. */
  asset(view: RequestView, name: string): Reply;
}

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};
/** Smaller ones fit into one packet anyway. */
const GZIP_BYTES_MIN = 1_024;
/** The names carry a digest of what is in them. */
const FOR_EVER = 'public, max-age=31536000, immutable';

const NOT_BUILT =
  '<!doctype html><html lang="en"><title>Holdfast</title><p>The dashboard is not built. Run <code>npm run build</code> and reload.</p></html>';

/** Bundled, the program lies beside `web/`; as source it lies in `src/http/`. */
const folderOfBuild = (): URL => new URL(import.meta.url.endsWith('.ts') ? '../../dist/web/' : './web/', import.meta.url);

interface WebFile {
  type: string;
  plain: Buffer<ArrayBuffer>;
  zipped: Buffer<ArrayBuffer> | undefined;
}

export function createWebFiles(folder: URL = folderOfBuild()): WebFiles {
  const kept = new Map<string, WebFile>();
  let names: ReadonlySet<string> | undefined;

  function read(name: string): WebFile {
    const found = kept.get(name);
    if (found) return found;
    const plain = readFileSync(new URL(name, folder)) as Buffer<ArrayBuffer>;
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
    const zipped = plain.length < GZIP_BYTES_MIN ? undefined : (gzipSync(plain) as Buffer<ArrayBuffer>);
    const file = { type, plain, zipped };
    kept.set(name, file);
    return file;
  }

  function reply(view: RequestView, { type, plain, zipped }: WebFile, headers: Record<string, string>): Reply {
    const isZipped = zipped !== undefined && /\bgzip\b/.test(header(view, 'accept-encoding') ?? '');
    const body = isZipped ? zipped : plain;
    return {
      status: 200,
      headers: { 'content-type': type, vary: 'accept-encoding', ...headers, ...(isZipped && { 'content-encoding': 'gzip' }) },
      body,
    };
  }

  return {
    index(view) {
      try {
        return reply(view, read('index.html'), {});
      } catch (error) {
        if (!isMissing(error)) throw error;
        return { status: 200, headers: { 'content-type': TYPES.html ?? '' }, body: NOT_BUILT };
      }
    },
    asset(view, name) {
      names ??= namesIn(folder);
      // Only names the build made: nothing a caller writes becomes a path.
      if (!names.has(name)) throw new AppError('not_found');
      return reply(view, read(`assets/${name}`), { 'cache-control': FOR_EVER });
    },
  };
}

function namesIn(folder: URL): ReadonlySet<string> {
  try {
    return new Set(readdirSync(new URL('assets/', folder)));
  } catch (error) {
    if (isMissing(error)) return new Set();
    throw error;
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
