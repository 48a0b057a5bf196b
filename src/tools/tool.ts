import type { Json } from '../contract/message.ts';

/** The part of Standard Schema v1 (standardschema.dev) that tools use, so that zod, valibot, arktype and others all fit. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: ReadonlyArray<{
        readonly message: string;
        readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
      }>;
    };

export interface ToolContext {
  sessionId: string;
  turnId: string;
  callId: string;
  /** Aborts at the turn's deadline and on cancel. */
  signal: AbortSignal;
}

/** What a model can have done for it. */
export interface Tool<Input = unknown> {
  /** `[a-zA-Z_][a-zA-Z0-9_-]{0,63}` */
  name: string;
  description: string;
  /** Validates the model's arguments before `run` sees them. */
  input: StandardSchema<Input>;
  /** JSON Schema of `input`; needed only when the schema library cannot give it itself. */
  parameters?: Record<string, unknown>;
  /** True when running it twice does no harm: it is then run again after a crash instead of reported as unknown. Default false. */
  repeatable?: boolean;
  /** Milliseconds; default 30,000, never beyond the turn's deadline. */
  timeoutMs?: number;
  /** The result goes to the model as JSON. Throwing is allowed: the model is told `error`, the text stays here. */
  run(input: Input, context: ToolContext): Json | Promise<Json>;
}
