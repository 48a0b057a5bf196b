/*
 * A fake Gemini to try things by hand: `npm run fake-gemini [port]` (default 8090), then in another terminal
 *
 *   GEMINI_API_KEY=fake-key GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8090 npx holdfast start
 *   npx holdfast chat "Hello!"                                    the fake echoes what arrived
 *   npx holdfast chat '!call current_time {"timeZone":"UTC"}'     the fake asks for that tool
 *   npx holdfast chat '!words 300'                                a longer answer
 *
 * Faults, for every request from now on, for the next ones, or by the model's name:
 *
 *   curl -X POST 127.0.0.1:8090/__behave -d '{"fault":"503"}'
 *   curl -X POST 127.0.0.1:8090/__behave -d '{"fault":"429","retryInfoS":30}'
 *   curl -X POST 127.0.0.1:8090/__behave -d '{"words":200,"chunks":20,"chunkMs":100,"latencyMs":500}'
 *   curl -X POST 127.0.0.1:8090/__script -d '[{"fault":"reset"},{"fault":"silent-mid"}]'
 *   curl -X POST 127.0.0.1:8090/__behave -d '{}'                  well again
 *   curl 127.0.0.1:8090/__stats
 *   npx holdfast chat --model gemini/fault-429 "Hello!"           also words-200, latency-500_chunks-10_words-80
 *
 * All faults and fields: test/support/fake-gemini/behaviour.ts. For benchmarks `--fast` answers ten fixed words without reading the body or
 * keeping requests; `--chunks=10` cuts them into ten events.
 */
import { parseArgs } from 'node:util';
import { FAULTS } from '../test/support/fake-gemini/behaviour.ts';
import { startFakeGemini } from '../test/support/fake-gemini/fake-gemini.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fast: { type: 'boolean', default: false },
    words: { type: 'string' },
    chunks: { type: 'string', default: '1' },
    latency: { type: 'string', default: '0' },
  },
});

const fake = await startFakeGemini({ port: Number(positionals[0] ?? 8090), capture: false });
if (values.fast || values.words) {
  const latencyMs = Number(values.latency);
  fake.setBehaviour({ words: Number(values.words ?? 10), chunks: Number(values.chunks), ...(latencyMs ? { latencyMs } : {}) });
}
console.log(`fake Gemini on ${fake.url}`);
console.log(`faults: ${FAULTS.join(' ')}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void fake.stop().then(() => process.exit(0)));
}
