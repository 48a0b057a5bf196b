// What authors of agents, tools and middleware import from `holdfast`.
export {
  type AgentDefinition,
  defineAgent,
  type IncomingRequest,
  type Maybe,
  type Middleware,
  type ModelContext,
  type OwnModels,
  type ReplyContext,
  RequestRejected,
  type StreamTransform,
} from './agent/define-agent.ts';
export type { CallPart, Json, ModelMessage, Part, ResultPart, TextPart } from './contract/message.ts';
export type { LanguageModel } from './model/language-model.ts';
export { defineTool } from './tools/define-tool.ts';
export type { StandardResult, StandardSchema, Tool, ToolContext } from './tools/tool.ts';
