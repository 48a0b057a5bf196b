import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

interface Manifest {
  name: string;
  version: string;
  license?: string;
}

const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** Name, version and licence text of every package whose code ended up in the bundle. Throws for a package without a licence. */
export function thirdPartyLicenses(root: string, metafile: Metafile): string {
  const shipped = Object.values(metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs)
      .filter(([, input]) => input.bytesInOutput > 0)
      .map(([path]) => path),
  );
  const folders = [...new Set(shipped.flatMap((path) => PACKAGE.exec(path)?.[1] ?? []))].sort();
  const sections = folders.map((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;
    if (!manifest.license) throw new Error(`${manifest.name} states no licence`);
    return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${licenceText(join(root, folder))}`;
  });
  const rule = `\n${'-'.repeat(80)}\n\n`;
  return `Holdfast contains code of these packages.\n${rule}${sections.join(rule)}`;
}

function licenceText(folder: string): string {
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)(\.|$)/i.test(name));
  const texts = names.filter((name) => existsSync(join(folder, name))).map((name) => readFileSync(join(folder, name), 'utf8').trim());
  return `${texts.join('\n\n') || 'The package carries no licence file; the licence named above applies.'}\n`;
}
