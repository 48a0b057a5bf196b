// The model of the measurement: the fake Gemini in a process of its own, on the load generator's core.
import { type FakeGemini, startFakeGemini } from '../test/support/fake-gemini/fake-gemini.ts';

/** `chunks` and `chunkMs` make a stream; `watch` reads each request to count the messages of history it carries. */
export interface UpstreamRequest {
  text: string;
  latencyMs?: number;
  chunks?: number;
  chunkMs?: number;
  watch?: boolean;
}

const fake: FakeGemini = await startFakeGemini({ capture: false });
let watched: number[] = [];

process.on('message', (request: UpstreamRequest) => {
  const { watch, ...behaviour } = request;
  const seen = watched;
  watched = [];
  fake.setBehaviour(
    watch
      ? (incoming) => {
          watched.push(incoming.body().contents?.length ?? 0);
          return behaviour;
        }
      : behaviour,
  );
  process.send?.({ result: { calls: fake.calls(), watched: seen } });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ result: { port: fake.port } });
