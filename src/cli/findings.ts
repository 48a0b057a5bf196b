import type { Finding, Severity } from '../contract/finding.ts';
import type { Channel, Style } from './io.ts';
import { runnable } from './program-files.ts';

const MARKS: Record<Severity, { mark: string; style: Style }> = {
  ok: { mark: '●', style: 'green' },
  info: { mark: '●', style: 'dim' },
  warning: { mark: '▲', style: 'yellow' },
  error: { mark: '✖', style: 'red' },
};

const WORST_FIRST: readonly Severity[] = ['error', 'warning', 'info', 'ok'];

/** Worst first, one line each, the fix below it; what is well in one line unless `verbose`; then what it comes to. */
export function printFindings(out: Channel, findings: readonly Finding[], { verbose = false } = {}): void {
  const shown = WORST_FIRST.flatMap((wanted) => findings.filter(({ severity }) => severity === wanted && (verbose || severity !== 'ok')));
  const nameOf = ({ id, subject }: Finding) => out.safe(subject === undefined ? id : `${id} ${subject}`);
  const width = Math.max(0, ...shown.map((finding) => nameOf(finding).length));
  for (const finding of shown) {
    const { severity, cause, fix } = finding;
    const { mark, style } = MARKS[severity];
    const name = nameOf(finding).padEnd(width);
    out.line(`${out.paint(style, `${mark} ${severity.padEnd(7)}`)}  ${out.paint('bold', name)}  ${out.safe(cause)}`);
    if (fix !== null) out.line(`             ${out.paint('bold', 'Fix:')} ${out.safe(runnable(fix))}`);
  }
  const count = (wanted: Severity) => findings.filter(({ severity }) => severity === wanted).length;
  const well = count('ok');
  if (!verbose && well > 0)
    out.line(`${out.paint('green', '● ok     ')}  ${well} ${well === 1 ? 'check is' : 'checks are'} well (--verbose shows them)`);
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
