import type { ModelMessage } from '../contract/message.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { Tool } from '../tools/tool.ts';

/** What `onRequest` sees of a message before it is accepted. */
export interface IncomingRequest {
  message: string;
  sessionId?: string;
  user?: string;
  metadata: Record<string, unknown>;
  principal: { id: string; role: 'admin' | 'client' };
}

/** What `beforeModel` may change. Changes last for this turn only; stored history is not touched. */
export interface ModelContext {
  sessionId: string;
  turnId: string;
  instructions: string;
  messages: ModelMessage[];
}

export interface ReplyContext {
  sessionId: string;
  turnId: string;
  /** The whole reply of the model, after `transformStream` if there is one. */
  text: string;
  model: string;
}

/** Turns a stream of text into another, piece by piece; `end` gives what was held back. Made anew for each attempt. */
export interface StreamTransform {
  push(text: string): string;
  end(): string;
}

/** What a point returns: a change, or nothing to leave things as they are. */
export type Maybe<Change> = Change | undefined | Promise<Change | undefined>;

/**
 * Three points at which an agent's author steps in. Points of several middlewares run in the order of the list.
 * Throwing: in `onRequest` the caller gets a problem and nothing is stored (`RequestRejected` carries its own sentence and status); in
 * `beforeModel` and `onReply` the turn ends degraded with reason `middleware`, and the raw reply is neither shown nor stored.
 */
export interface Middleware {
  name: string;
  /** At most 250 ms. A returned message replaces the caller's and is what gets stored. */
  onRequest?(request: IncomingRequest): Maybe<{ message: string }>;
  beforeModel?(context: ModelContext): Maybe<Partial<Pick<ModelContext, 'instructions' | 'messages'>>>;
  /** A returned text replaces the reply. With this point an agent streams nothing before the reply is whole, unless `transformStream` is given. */
  onReply?(reply: ReplyContext): Maybe<{ text: string }>;
  transformStream?(): StreamTransform;
}

/** Thrown by `onRequest` to refuse a message: the sentence goes to the caller as it is. Status 400, 403, 409, 413, 422 or 429. */
export class RequestRejected extends Error {
  override readonly name = 'RequestRejected';
  readonly status: number;
  constructor(sentence: string, status: 400 | 403 | 409 | 413 | 422 | 429 = 422) {
    super(sentence);
    this.status = status;
  }
}

/** Language models of the AI SDK by the name they get here, such as `mine/large`. */
export type OwnModels = Readonly<Record<string, LanguageModel>>;

/** An agent as `holdfast.config.ts` exports it by default. Everything is optional: `defineAgent({})` is the agent you get without a file. */
export interface AgentDefinition {
  /** Shown in `status` and the dashboard. */
  name?: string;
  /** The system instructions every model call carries. */
  instructions?: string;
  /**
   * Fallback order, `provider/model`, and models of your own under a name of your own: `['gemini/gemini-flash-latest', { 'mine/large': model }]`.
   * An object alone is the same as a list of it. `HOLDFAST_MODELS` may name all of them, and its order wins.
   */
  models?: readonly (string | OwnModels)[] | OwnModels;
  /** Beside the built-in `current_time` and `calculate`; one of the same name replaces it. */
  tools?: Tool[];
  middleware?: Middleware[];
  /** Settings by their environment names, weaker than the environment and `.env`. */
  settings?: Record<string, string | number | boolean>;
}

/** Types the definition and hands it back; the server checks it when it starts. */
export function defineAgent(definition: AgentDefinition): AgentDefinition {
  return definition;
}
