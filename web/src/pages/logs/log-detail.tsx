import { Filter } from 'lucide-react';
import type { LogLineView } from '../../../../src/contract/logs.ts';
import { linkTo, narrow } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { Chip, type Tone } from '../../parts/chip.tsx';
import { CodeBlock } from '../../parts/code-block.tsx';
import { CopyId } from '../../parts/copy-id.tsx';
import { Drawer } from '../../parts/drawer.tsx';

const TONES: Record<string, Tone> = { error: 'bad', warn: 'warn', info: 'accent', debug: 'quiet' };
const PIVOTS = ['event', 'sessionId', 'turnId', 'requestId'] as const;

/** One line in full, and the ways on from it. */
export function LogDetail({ line, onClose }: { line: LogLineView; onClose(): void }) {
  const pivots = PIVOTS.flatMap((name) => {
    const value = line[name];
    return typeof value === 'string' ? [{ name, value }] : [];
  });
  const only = (name: string, value: string) => {
    narrow({ [name]: value });
    onClose();
  };
  return (
    <Drawer title={line.event} aside={<Chip tone={TONES[line.level] ?? 'quiet'}>{line.level}</Chip>} onClose={onClose}>
      <p className="font-mono text-xs text-muted tabular">{line.time}</p>
      <dl className="flex flex-col divide-y divide-line rounded-xl border border-line bg-panel">
        {pivots.map(({ name, value }) => (
          <div key={name} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
            <dt className="w-20 text-xs text-muted">{name}</dt>
            <dd className="flex min-w-0 grow flex-wrap items-center justify-between gap-2">
              <CopyId id={value} short={value.length > 40} />
              <span className="flex items-center gap-1">
                {name === 'sessionId' && <Onward href={linkTo('chat', value)}>Open chat</Onward>}
                {name === 'turnId' && <Onward href={linkTo('turns', value)}>Open turn</Onward>}
                <Button size="small" onClick={() => only(name, value)}>
                  <Filter aria-hidden className="size-3" />
                  Only these
                </Button>
              </span>
            </dd>
          </div>
        ))}
      </dl>
      <CodeBlock language="json" text={JSON.stringify(line, null, 2)} />
    </Drawer>
  );
}

const Onward = ({ href, children }: { href: string; children: string }) => (
  <a href={href} className="rounded px-2 py-1 text-xs font-medium text-accent hover:bg-raised">
    {children}
  </a>
);
