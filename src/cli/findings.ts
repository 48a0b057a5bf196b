import type { Finding, Severity } from '../contract/finding.ts';
import type { Channel, Style } from './io.ts';
import { runnable } from './program-files.ts';

const MARKS: Record<Severity, { mark: string; style: Style }> = {
  ok: { mark: '●', style: 'green' },
  info: { mark: '●', style: 'dim' },
  warning: { mark: '▲', style: 'yellow' },
  error: { mark: '✖', style: 'red' },
};

/** One line each, the fix below it; then what it comes to. */
export function printFindings(out: Channel, findings: readonly Finding[]): void {
  for (const { id, subject, severity, cause, fix } of findings) {
    const { mark, style } = MARKS[severity];
    const name = out.safe(subject === undefined ? id : `${id} ${subject}`);
    out.line(`${out.paint(style, `${mark} ${severity.padEnd(7)}`)}  ${out.paint('bold', name)}  ${out.safe(cause)}`);
    if (fix !== null) out.line(`             ${out.paint('bold', 'Fix:')} ${out.safe(runnable(fix))}`);
  }
  const count = (wanted: Severity) => findings.filter(({ severity }) => severity === wanted).length;
  const [errors, warnings] = [count('error'), count('warning')];
  const said = [...(errors > 0 ? [many(errors, 'error')] : []), ...(warnings > 0 ? [many(warnings, 'warning')] : [])];
  out.line(
    said.length === 0
      ? out.paint('green', `Nothing is wrong in ${findings.length} checks.`)
      : out.paint(
          errors > 0 ? 'red' : 'yellow',
          `${said.join(', ')} in ${findings.length} checks. What each means: docs/operate/troubleshooting.md`,
        ),
  );
}

const many = (count: number, name: string): string => `${count} ${name}${count === 1 ? '' : 's'}`;
