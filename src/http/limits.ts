/** Every bound of the HTTP side. Tests hand in shorter times; nothing else should need to. */
export interface HttpLimits {
  /** From the first byte of a request to the end of its headers. */
  headersTimeoutMs: number;
  /** From the end of the headers to the end of the body. Node measures the whole request, so the two are added. */
  bodyTimeoutMs: number;
  /** How often Node looks for requests past those two. */
  timeoutCheckMs: number;
  keepAliveMs: number;
  /** Names and values; the separators do not count, so there is a number as well. */
  headerBytesMax: number;
  headersMax: number;
  bodyBytesMax: number;
  jsonDepthMax: number;
  /** Per listener. */
  connectionsMax: number;
  heartbeatMs: number;
  /** A stream whose reader took nothing for so long is closed; it can be resumed. */
  streamStallMs: number;
  /** Largest piece of a stream handed to a socket at once, in UTF-16 units of text: what a slow reader can cost. */
  streamPieceUnits: number;
  /** How long a stop waits for answers under way. The agent has drained by then, so they only have to be written. */
  stopMs: number;
  loopDelayMsMax: number;
  heapShareMax: number;
  walBytesMax: number;
  pressureSampleMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  timeoutCheckMs: 1_000,
  keepAliveMs: 65_000,
  headerBytesMax: 16_384,
  headersMax: 128,
  bodyBytesMax: 1_048_576,
  jsonDepthMax: 64,
  connectionsMax: 1_024,
  heartbeatMs: 15_000,
  streamStallMs: 60_000,
  streamPieceUnits: 65_536,
  stopMs: 2_000,
  loopDelayMsMax: 200,
  heapShareMax: 0.85,
  walBytesMax: 64 * 1_048_576,
  pressureSampleMs: 1_000,
};
