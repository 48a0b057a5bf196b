// What programs that talk to an agent import from `holdfast/client`.
export { type Client, type ClientOptions, createClient, type Operations, type RequestOptions } from './client/client.ts';
export { HoldfastError } from './client/failure.ts';
export type { OperationInput, OperationName, OperationOutput } from './client/operations.ts';
export type { ServerEvent } from './client/server-events.ts';
export type { TurnEvent } from './contract/events.ts';
export type { LogLineView as LogLine } from './contract/logs.ts';
export type { Problem } from './contract/problem.ts';
export type { SessionView as Session } from './contract/session.ts';
export type { Health, Status } from './contract/status.ts';
export type { TurnAnswer as Turn } from './contract/turn.ts';
