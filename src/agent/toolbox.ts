// The tools of an agent as the loop uses them: at most one effect per call id.
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { CallPart, ResultPart } from '../contract/message.ts';
import type { ToolStepRecord } from '../contract/turn.ts';
import type { ToolSpec } from '../model/provider.ts';
import { runTool } from '../tools/run-tool.ts';
import type { Tool } from '../tools/tool.ts';
import type { LiveTurn } from './live-turn.ts';

const TOOL_MS_MAX = 30_000;

export interface Toolbox {
  readonly specs: ToolSpec[];
  /** True when running the call twice does no harm; also for a tool that does not exist, as nothing runs. */
  repeatable(name: string): boolean;
  /** Runs the calls side by side. Must not reject: every failure is a result. */
  run(calls: readonly CallPart[], live: LiveTurn): Promise<{ results: ResultPart[]; records: ToolStepRecord[] }>;
  /** Takes in outcomes of an earlier run of this turn. */
  remember(live: LiveTurn, results: readonly ResultPart[]): void;
  /** What the turn's record says of an outcome. */
  record(result: ResultPart, ms?: number): ToolStepRecord;
  /** The outcome of a call that was under way when its process died. */
  unknown(call: CallPart): ResultPart;
}

/** In records, which are not sealed, for a name that only the model knows. */
const NO_SUCH_TOOL = '(no such tool)';

export function createToolbox(tools: readonly Tool[], specs: ToolSpec[], { clock, log }: { clock: Clock; log: Logger }): Toolbox {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));

  async function runOne(call: CallPart, live: LiveTurn): Promise<{ result: ResultPart; ms: number }> {
    const { callId, name } = call;
    const startedAt = clock.monotonic();
    live.feed.tool({ type: 'tool.start', callId, name });
    let effect = live.effects.get(callId);
    if (!effect) {
      effect = execute(call, live);
      live.effects.set(callId, effect);
    }
    const result = await effect;
    const ms = Math.round(clock.monotonic() - startedAt);
    live.feed.tool({ type: 'tool.end', callId, name, outcome: result.outcome, ms });
    return { result: { ...result, name }, ms };
  }

  async function execute(call: CallPart, live: LiveTurn): Promise<ResultPart> {
    const { callId, name } = call;
    const tool = byName.get(name);
    if (!tool) return { type: 'result', callId, name, outcome: 'error', value: { error: 'There is no tool of this name.' } };
    const timeoutMs = Math.max(0, Math.min(tool.timeoutMs ?? TOOL_MS_MAX, live.deadlineAt - clock.monotonic()));
    const context = { sessionId: live.turn.sessionId, turnId: live.turn.id, callId, signal: live.signal };
    const { outcome, value } = await runTool(tool, call.args, context, {
      clock,
      timeoutMs,
      onThrow: (error) => log.error('tool.failed', { tool: name, turnId: context.turnId, sessionId: context.sessionId, error }),
    });
    return { type: 'result', callId, name, outcome, value };
  }

  const record = ({ name, callId, outcome }: ResultPart, ms = 0): ToolStepRecord => {
    return { kind: 'tool', name: byName.has(name) ? name : NO_SUCH_TOOL, callId, outcome, ms };
  };

  return {
    specs,
    record,
    repeatable: (name) => byName.get(name)?.repeatable ?? !byName.has(name),
    async run(calls, live) {
      const ran = await Promise.all(calls.map((call) => runOne(call, live)));
      return {
        results: ran.map(({ result }) => result),
        records: ran.map(({ result, ms }) => record(result, ms)),
      };
    },
    remember(live, results) {
      for (const result of results) live.effects.set(result.callId, Promise.resolve(result));
    },
    unknown: ({ callId, name }) => ({
      type: 'result',
      callId,
      name,
      outcome: 'unknown',
      value: { error: 'The server stopped while this ran. Whether it took effect is not known, and it was not run again.' },
    }),
  };
}
