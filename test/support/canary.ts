// Looks for text that must not be on disk, in every shape it could have been written in.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Sighting {
  canary: string;
  /** raw, hex, base64+0 … base64url+2, utf-16le, utf-16be */
  encoding: string;
  where: string;
  offset: number;
}

/** 24 letters and digits: the same bytes in JSON, SQL and URLs, and more random than chance could repeat. */
export function makeCanaries(count: number): string[] {
  return Array.from({ length: count }, () =>
    randomBytes(48)
      .toString('base64')
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 24),
  );
}

interface Pattern {
  canary: string;
  encoding: string;
  bytes: Buffer;
}

export function encodings(canary: string): Pattern[] {
  const raw = Buffer.from(canary);
  const wide = Buffer.from(canary, 'utf16le');
  const patterns: [string, Buffer][] = [
    ['raw', raw],
    ['hex', Buffer.from(raw.toString('hex'))],
    ['HEX', Buffer.from(raw.toString('hex').toUpperCase())],
    ['utf-16le', wide],
    ['utf-16be', Buffer.from(wide).swap16()],
  ];
  for (const shift of [0, 1, 2]) {
    for (const alphabet of ['base64', 'base64url'] as const) {
      // Characters that also carry bits of the neighbours are left out: what remains is the same whatever stands around.
      const text = Buffer.concat([Buffer.alloc(shift), raw]).toString(alphabet);
      patterns.push([
        `${alphabet}+${shift}`,
        Buffer.from(text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + raw.length) * 8) / 6))),
      ]);
    }
  }
  return patterns.map(([encoding, bytes]) => ({ canary, encoding, bytes }));
}

/** One pass over the bytes for any number of patterns: they are found by their first four bytes. */
export function createScanner(canaries: string[]): (bytes: Buffer, where: string) => Sighting[] {
  const byHead = new Map<number, Pattern[]>();
  for (const pattern of canaries.flatMap(encodings)) {
    const head = pattern.bytes.readInt32LE(0);
    byHead.set(head, [...(byHead.get(head) ?? []), pattern]);
  }
  return (bytes, where) => {
    const found: Sighting[] = [];
    for (let offset = 0; offset + 4 <= bytes.length; offset += 1) {
      const head =
        (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8) | ((bytes[offset + 2] ?? 0) << 16) | ((bytes[offset + 3] ?? 0) << 24);
      for (const pattern of byHead.get(head) ?? []) {
        if (bytes.compare(pattern.bytes, 0, pattern.bytes.length, offset, Math.min(bytes.length, offset + pattern.bytes.length)) === 0)
          found.push({ canary: pattern.canary, encoding: pattern.encoding, where, offset });
      }
    }
    return found;
  };
}

export interface Scan {
  files: number;
  bytes: number;
  sightings: Sighting[];
}

/** Every file below `folder`, whatever it is called. */
export function scanForCanaries(folder: string, canaries: string[]): Scan {
  const scan = createScanner(canaries);
  const result: Scan = { files: 0, bytes: 0, sightings: [] };
  const visit = (at: string) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) visit(path);
      if (!entry.isFile() || statSync(path).size === 0) continue;
      const bytes = readFileSync(path);
      result.files += 1;
      result.bytes += bytes.length;
      result.sightings.push(...scan(bytes, path));
      result.sightings.push(...scan(Buffer.from(entry.name), `${path} (its name)`));
    }
  };
  visit(folder);
  return result;
}

export const scanText = (text: string, where: string, canaries: string[]): Sighting[] => createScanner(canaries)(Buffer.from(text), where);
