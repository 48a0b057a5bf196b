// What `holdfast doctor` and `holdfast status --deep` look at, and how they say what they found.
import { z } from 'zod';

export interface CheckRow {
  looksAt: string;
  /** `doctor`: also without a running agent. `agent`: only the running agent can tell. */
  by: 'doctor' | 'agent' | 'both';
  /** What it means for whoever talks to the agent when this is an error. */
  meansWhenWrong: string;
}

/** Every check there is. `docs/reference/checks.md` is made of this table, and `docs/operate/troubleshooting.md` has a part for each. */
export const CHECKS = {
  agent: {
    by: 'doctor',
    looksAt: 'whether an agent runs on this home, answers, or left a stale `run/agent.json` behind',
    meansWhenWrong: 'nobody is answered',
  },
  node: { by: 'doctor', looksAt: 'the version of Node', meansWhenWrong: 'nothing starts' },
  settings: { by: 'doctor', looksAt: 'flags, environment, `.env` and `holdfast.config.ts`', meansWhenWrong: 'a start is refused' },
  env_file: { by: 'doctor', looksAt: 'who may read `.env`', meansWhenWrong: 'others on this machine can read your keys' },
  home: { by: 'doctor', looksAt: 'the folder of `HOLDFAST_HOME`, its owner and its permissions', meansWhenWrong: 'a start is refused' },
  ports: { by: 'doctor', looksAt: 'whether `PORT` and `DASHBOARD_PORT` are free, or ours', meansWhenWrong: 'a start is refused' },
  log_folder: { by: 'both', looksAt: 'whether the log can be written, and lines that were lost', meansWhenWrong: 'nothing is logged' },
  disk: { by: 'both', looksAt: 'the space left for the data and the log', meansWhenWrong: 'soon messages are refused' },
  clock: {
    by: 'both',
    looksAt: 'the clock beside the newest stored row and the age of this program',
    meansWhenWrong: 'times in the audit trail are wrong, and providers may refuse connections',
  },
  master_key: { by: 'both', looksAt: 'whether the master key opens the data', meansWhenWrong: 'a start is refused' },
  schema: { by: 'doctor', looksAt: 'the version of the data beside what this program knows', meansWhenWrong: 'a start is refused' },
  database: { by: 'doctor', looksAt: 'the pages of the database file', meansWhenWrong: 'some of the data is lost or a start is refused' },
  wal: { by: 'both', looksAt: 'the write-ahead log beside the database', meansWhenWrong: 'new messages are refused for a moment' },
  records: {
    by: 'both',
    looksAt: 'a sample of sealed records, newest sessions first',
    meansWhenWrong: 'those records are lost, and only those',
  },
  audit: { by: 'both', looksAt: 'the chain of audit rows', meansWhenWrong: 'somebody changed the trail, or the file is damaged' },
  storage: { by: 'agent', looksAt: 'whether the store takes writes', meansWhenWrong: 'new messages are refused' },
  models: {
    by: 'agent',
    looksAt: 'each configured model, with one small labelled call',
    meansWhenWrong: 'callers get the fallback sentence',
  },
  memory: {
    by: 'agent',
    looksAt: 'the heap and the memory limit of the process',
    meansWhenWrong: 'new messages are refused, or the process is killed',
  },
  event_loop: {
    by: 'agent',
    looksAt: 'how late the process gets to its work',
    meansWhenWrong: 'answers are slow, and new messages are refused',
  },
  turns: { by: 'agent', looksAt: 'open turns that do not move', meansWhenWrong: 'some callers wait in vain' },
  webhook: { by: 'agent', looksAt: 'how the last alert reached `ALERT_WEBHOOK_URL`', meansWhenWrong: 'nobody hears of alerts' },
} as const satisfies Record<string, CheckRow>;

export type CheckId = keyof typeof CHECKS;
const CHECK_IDS = Object.keys(CHECKS) as [CheckId, ...CheckId[]];

export const severitySchema = z.enum(['ok', 'info', 'warning', 'error']);
export type Severity = z.infer<typeof severitySchema>;

export const findingSchema = z
  .object({
    id: z.enum(CHECK_IDS),
    /** Which one, where there are several: a model, a port. */
    subject: z.string().optional(),
    severity: severitySchema,
    /** What was found, also when it is well. Fixed text and our own names: never conversation, keys or provider text. */
    cause: z.string(),
    /** A command that can be run as it stands, what follows in a shell comment. Always there with a warning or an error. */
    fix: z.string().nullable(),
  })
  .meta({ id: 'Finding' });
export type Finding = z.infer<typeof findingSchema>;

/** What `holdfast doctor --json` prints. */
export interface DoctorReport {
  /** No finding is an error. */
  ok: boolean;
  findings: Finding[];
}

export const isError = ({ severity }: Pick<Finding, 'severity'>): boolean => severity === 'error';
export const well = (id: CheckId, cause: string): Finding => ({ id, severity: 'ok', cause, fix: null });
