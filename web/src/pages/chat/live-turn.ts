// A turn as its events tell it. The same events twice, or from the beginning again, lead to the same text.
import type { TurnEvent } from '../../../../src/contract/events.ts';
import type { TurnAnswer } from '../../../../src/contract/turn.ts';

export interface LiveTool {
  callId: string;
  name: string;
  /** How much text there was when it began. */
  at: number;
  outcome?: 'ok' | 'error' | 'unknown';
  ms?: number;
}

export interface LiveTurn {
  turnId: string;
  /** 0 until it has begun. */
  attempt: number;
  text: string;
  tools: readonly LiveTool[];
  /** The connection broke and is being made again. */
  isCutOff: boolean;
  end?: TurnAnswer;
}

export type LivePiece = { kind: 'text'; text: string } | { kind: 'tool'; tool: LiveTool };

export const freshTurn = (turnId: string): LiveTurn => ({ turnId, attempt: 0, text: '', tools: [], isCutOff: false });

export function takeEvent(turn: LiveTurn, event: TurnEvent): LiveTurn {
  const heard = turn.isCutOff ? { ...turn, isCutOff: false } : turn;
  switch (event.type) {
    case 'turn.start':
      return event.attempt === turn.attempt ? heard : { ...freshTurn(turn.turnId), attempt: event.attempt };
    case 'turn.restart':
      return { ...freshTurn(turn.turnId), attempt: event.attempt };
    case 'text.delta':
      return { ...heard, text: heard.text.slice(0, event.at) + event.text };
    case 'tool.start': {
      if (heard.tools.some(({ callId }) => callId === event.callId)) return heard;
      const { callId, name } = event;
      return { ...heard, tools: [...heard.tools, { callId, name, at: heard.text.length }] };
    }
    case 'tool.end': {
      const { callId, name, outcome, ms } = event;
      const known = heard.tools.find((tool) => tool.callId === callId);
      const ended = { callId, name, at: known?.at ?? heard.text.length, outcome, ms };
      return { ...heard, tools: [...heard.tools.filter((tool) => tool !== known), ended].sort((a, b) => a.at - b.at) };
    }
    case 'turn.end':
      return { ...heard, end: event.turn };
    case 'error':
      return { ...turn, isCutOff: true };
  }
}

/** Text and tools in the order in which they came. */
export function livePieces({ text, tools }: LiveTurn): LivePiece[] {
  const pieces: LivePiece[] = [];
  let from = 0;
  for (const tool of tools) {
    if (text.slice(from, tool.at).trim() !== '') pieces.push({ kind: 'text', text: text.slice(from, tool.at) });
    pieces.push({ kind: 'tool', tool });
    from = Math.max(from, tool.at);
  }
  if (text.slice(from).trim() !== '') pieces.push({ kind: 'text', text: text.slice(from) });
  return pieces;
}
