// What is wrong here, and what to do about it: with a running agent or without one, and without changing anything.
import { loadConfig } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';
import { type HomePaths, readAgentFile, readToken } from '../base/home.ts';
import { diskFinding, envFileFinding, homeFinding, logFolderFinding, nodeFinding } from '../base/host-checks.ts';
import { processStart } from '../base/process.ts';
import { CHECKS, type CheckId, type DoctorReport, type Finding, isError, well } from '../contract/finding.ts';
import { askStatus } from './ask-status.ts';
import type { CommonFlags, Context } from './context.ts';
import { CliError, EXIT } from './failure.ts';
import { printFindings } from './findings.ts';
import { portFindings } from './port-findings.ts';
import { runnable } from './program-files.ts';
import { runTask } from './run-task.ts';
import { createFinder, type Finder } from './target.ts';

/** A large database on a slow disk; what the look leaves out to get there it says. */
const DATA_MS_MAX = 120_000;
/** Without settings that hold nobody knows the threshold; the default of HOLDFAST_ALERT_DISK_FREE_MB. */
const DISK_FREE_MB = 512;

export async function doctor(context: Context, flags: CommonFlags & { verbose?: boolean }): Promise<number> {
  const { out, err } = context.io;
  if (err.isTerminal && !flags.json) err.line(err.paint('dim', 'Looking …'));
  const findings = inOrder(await examine(context));
  const ok = !findings.some(isError);
  const runnableFix = (finding: Finding): Finding => ({ ...finding, fix: finding.fix && runnable(finding.fix) });
  if (flags.json) out.line(JSON.stringify({ ok, findings: findings.map(runnableFix) } satisfies DoctorReport));
  else printFindings(out, findings, flags);
  return ok ? EXIT.done : EXIT.failed;
}

async function examine(context: Context): Promise<Finding[]> {
  const node = nodeFinding(process.version);
  let finder: Finder;
  try {
    finder = createFinder(context);
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof CliError)) throw error;
    if (error instanceof CliError && error.code === 'not_owner')
      return [node, { id: 'home', severity: 'error', cause: error.message, fix: error.fix ?? null }];
    return [node, settingsProblem(error.message, error.fix), await envFileFinding(context.cwd)];
  }
  if (!finder.isLocal) return [node, ...(await askAgent(finder))];
  const own = await Promise.all([lookAround(context, finder), lookAtData(context, finder.paths)]);
  const asked = finder.running() ? await askAgent(finder) : [agentFinding(finder.paths, own[1].isServed)];
  const looked = [node, ...own[0], ...own[1].findings];
  // What the agent says of itself is closer to the truth: its settings and its rights may be others than ours.
  const told = new Set(asked.map(({ id }) => id));
  return [...looked.filter(({ id, severity }) => !told.has(id) || (KEEP_OURS.has(id) && severity === 'error')), ...asked];
}

/** Seen better from outside: all of the audit chain, the folder of the log. */
const KEEP_OURS: ReadonlySet<CheckId> = new Set<CheckId>(['audit', 'log_folder']);

async function lookAround(context: Context, { paths, running }: Finder): Promise<Finding[]> {
  const settings = await readSettings(context);
  const host = settings.config ? await portFindings(settings.config, running()) : [];
  return [
    settings.finding,
    await envFileFinding(context.cwd),
    await homeFinding(paths),
    ...host,
    await logFolderFinding(paths),
    await diskFinding(paths, settings.config?.alerts.diskFreeMb ?? DISK_FREE_MB),
  ];
}

async function readSettings({ env, cwd }: Context) {
  try {
    const { config } = await loadConfig({ env, cwd });
    return { config, finding: well('settings', `The settings are valid (${config.env}).`) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { finding: settingsProblem(error.message, error.fix) };
  }
}

const settingsProblem = (cause: string, fix: string | undefined): Finding => ({
  id: 'settings',
  severity: 'error',
  cause: cause.replaceAll(/\s*\n\s*/g, ' ').replace(/([^.?!])$/, '$1.'),
  fix: `holdfast config validate   # ${(fix ?? 'names everything that is wrong').replaceAll(/\s*\n\s*/g, ' ')}`,
});

async function lookAtData(context: Context, paths: HomePaths): Promise<{ findings: Finding[]; isServed: boolean }> {
  try {
    return await runTask<{ findings: Finding[]; isServed: boolean }>(context, 'doctor', [], DATA_MS_MAX);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const isServed = readAgentFile(paths) !== undefined;
    if (error.code === 'config_invalid')
      return {
        findings: [{ id: 'database', severity: 'info', cause: 'The data was not looked at: first the settings must hold.', fix: null }],
        isServed,
      };
    const fix = error.fix ?? 'npm run build';
    return { findings: [{ id: 'database', severity: 'error', cause: `The data could not be looked at: ${error.message}`, fix }], isServed };
  }
}

/** Nobody of this machine runs on this home. */
function agentFinding(paths: HomePaths, isServed: boolean): Finding {
  if (isServed)
    return {
      id: 'agent',
      severity: 'warning',
      cause:
        'Another process holds this home, but not one that a start on this machine made: a container that shares the folder, or a server that is starting.',
      fix: 'holdfast status   # again in a moment; if it stays so, look for the container: two agents on one home are refused',
    };
  const left = readAgentFile(paths);
  if (!left) return { id: 'agent', severity: 'info', cause: 'No agent runs on this home.', fix: 'holdfast start' };
  const isReused = processStart(left.pid) !== undefined;
  const now = isReused ? `process ${left.pid} is now another program, which is left alone` : `process ${left.pid} is gone`;
  return {
    id: 'agent',
    severity: 'warning',
    cause: `run/agent.json is stale: ${now}. The agent was killed or the machine went down; open turns are taken up at the next start.`,
    fix: 'holdfast start',
  };
}

async function askAgent(finder: Finder): Promise<Finding[]> {
  try {
    const target = finder.target();
    const status = await askStatus(target, { deep: true });
    const agent = well('agent', `The agent ${status.agentId} (pid ${status.pid}) runs and answers: ${status.health}.`);
    return [status.health === 'ok' ? agent : { ...agent, severity: 'info' }, ...(status.findings ?? [])];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const hasToken = !finder.isLocal || readToken(finder.paths) !== undefined;
    const cause = `The agent could not be asked: ${error.message}`;
    const fix = error.fix ?? (hasToken ? 'holdfast status' : 'holdfast restart');
    return [{ id: 'agent', severity: 'error', cause, fix }];
  }
}

/** As in the table of checks, so that two reports can be laid side by side. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const places = new Map(Object.keys(CHECKS).map((id, place) => [id, place]));
  return findings.toSorted((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
}
