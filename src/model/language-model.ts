/**
 * A language model of the AI SDK, as `createX()('name')` of any provider package gives it. Only what is needed to recognise one, so that authors need
 * no package of ours and we none of theirs; what it streams is read as foreign data.
 */
export interface LanguageModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  doStream(options: never): PromiseLike<{ stream: unknown }>;
}
