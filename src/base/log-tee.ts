import type { LogSink } from './log.ts';

/** Every line to every sink; each loses its own, and `dropped` is their sum. */
export function createTee(...sinks: LogSink[]): LogSink {
  return {
    write(line) {
      for (const sink of sinks) sink.write(line);
    },
    async flush() {
      await Promise.all(sinks.map((sink) => sink.flush()));
    },
    flushSync() {
      for (const sink of sinks) sink.flushSync();
    },
    dropped: () => sinks.reduce((sum, sink) => sum + sink.dropped(), 0),
    async close() {
      await Promise.all(sinks.map((sink) => sink.close()));
    },
  };
}
