import { type FakeApi, startFakeApi } from '../fake-api/fake-api.ts';
import { type ChatBody, chat } from './chat.ts';
import { type ResponsesBody, responses } from './responses.ts';

export type FakeChat = FakeApi<ChatBody>;
export type FakeResponses = FakeApi<ResponsesBody>;

/** A server that speaks Chat Completions, as every compatible one and Ollama do. `OPENAI_COMPATIBLE_BASE_URL` is its `url` and `/v1`. */
export const startFakeChat = (): Promise<FakeChat> => startFakeApi([chat]);

/** OpenAI's own API, Responses. `OPENAI_BASE_URL` is its `url` and `/v1`. */
export const startFakeResponses = (): Promise<FakeResponses> => startFakeApi([responses]);
