// Every metric of `GET /metrics`: the ledger, the Prometheus text and docs/reference/metrics.md are made of these tables.

export interface MetricRow {
  name: string;
  /** Every label has few values: those of a closed list, or at most `CELLS_MAX` of them, the rest counted as `other`. */
  labels: readonly string[];
  help: string;
}

/** Counted as it happens. */
export const COUNTERS = {
  accepted: { name: 'holdfast_turns_accepted_total', labels: [], help: 'Turns made durable and acknowledged by this process.' },
  ended: {
    name: 'holdfast_turns_ended_total',
    labels: ['outcome', 'reason'],
    help: 'Turns that reached their end, by outcome (completed, degraded, failed, cancelled) and, unless completed, its reason. Recovered turns were accepted by an earlier process.',
  },
  modelCalls: {
    name: 'holdfast_model_calls_total',
    labels: ['provider', 'model', 'code'],
    help: 'Calls to models for turns, by result: ok, or the failure code.',
  },
  modelRetries: {
    name: 'holdfast_model_retries_total',
    labels: ['provider', 'model'],
    help: 'Of these, those that repeated a call to the same model for the same step.',
  },
  probes: {
    name: 'holdfast_model_probes_total',
    labels: ['provider', 'model', 'result'],
    help: 'Background calls to models that are left alone because they kept failing: good, bad or bad_key.',
  },
  toolCalls: { name: 'holdfast_tool_calls_total', labels: ['tool', 'outcome'], help: 'Tool calls by outcome: ok, error or unknown.' },
  tokens: { name: 'holdfast_tokens_total', labels: ['direction'], help: 'Tokens of ended turns: input or output.' },
  problems: { name: 'holdfast_http_problems_total', labels: ['code'], help: 'Requests answered with a problem, by its code.' },
} as const satisfies Record<string, MetricRow>;

/** Observed as it happens, in milliseconds; shown in seconds. */
export const HISTOGRAMS = {
  turnDuration: {
    name: 'holdfast_turn_duration_seconds',
    labels: ['outcome'],
    help: 'From acceptance to the end of a turn.',
  },
  queueDuration: { name: 'holdfast_turn_queue_seconds', labels: [], help: 'How long a turn waited for earlier turns of its session.' },
  firstToken: {
    name: 'holdfast_turn_first_token_seconds',
    labels: [],
    help: 'From acceptance to the first token of the reply; turns without one are not counted.',
  },
  modelDuration: { name: 'holdfast_model_call_duration_seconds', labels: ['provider', 'model'], help: 'One call to a model.' },
  loopDelay: {
    name: 'holdfast_event_loop_delay_seconds',
    labels: [],
    help: 'Once a second: the 99th percentile of how late the event loop was in that second.',
  },
} as const satisfies Record<string, MetricRow>;

/** Read when asked. */
export const READINGS = {
  build: { kind: 'gauge', name: 'holdfast_build_info', labels: ['version', 'node'], help: 'Always 1.' },
  health: {
    kind: 'gauge',
    name: 'holdfast_health',
    labels: ['status'],
    help: '1 for the word that /health answers with: ok, degraded or down.',
  },
  open: { kind: 'gauge', name: 'holdfast_turns_open', labels: [], help: 'Turns queued or running in this process; at most 10,000.' },
  sessions: { kind: 'gauge', name: 'holdfast_sessions_stored', labels: [], help: 'Sessions in the store.' },
  storeWritable: { kind: 'gauge', name: 'holdfast_store_writable', labels: [], help: '1 while the store takes writes, else 0.' },
  storeQueued: {
    kind: 'gauge',
    name: 'holdfast_store_queued_units',
    labels: [],
    help: 'Writes that wait for the disk; beyond 10,000 they are refused.',
  },
  storeWal: {
    kind: 'gauge',
    name: 'holdfast_store_wal_bytes',
    labels: [],
    help: 'Size of the write-ahead log; above 64 MiB new messages are refused.',
  },
  modelState: {
    kind: 'gauge',
    name: 'holdfast_model_state',
    labels: ['model', 'state'],
    help: '1 for the state the configured model is in: ok, open (left alone), bad_key or unconfigured.',
  },
  streams: { kind: 'gauge', name: 'holdfast_event_streams', labels: [], help: 'Event streams under way: turns, log and live feed.' },
  liveReaders: { kind: 'gauge', name: 'holdfast_live_readers', labels: [], help: 'Readers of the live feed (GET /v1/events); at most 64.' },
  liveEvents: {
    kind: 'gauge',
    name: 'holdfast_live_events_kept',
    labels: [],
    help: 'Events kept so that readers of the live feed can resume; at most 1,000, the oldest make room.',
  },
  minutesWaiting: {
    kind: 'gauge',
    name: 'holdfast_series_rows_waiting',
    labels: [],
    help: 'Minutes of the stored series that could not be stored yet; beyond 60 the oldest are given up.',
  },
  stepsKept: {
    kind: 'gauge',
    name: 'holdfast_series_steps_kept',
    labels: [],
    help: 'Ten-second steps in memory, an hour of them: at most 362.',
  },
  logDropped: {
    kind: 'counter',
    name: 'holdfast_log_lines_dropped_total',
    labels: [],
    help: 'Log lines lost because their destination was full, broken or too slow.',
  },
  cpu: { kind: 'counter', name: 'process_cpu_seconds_total', labels: [], help: 'CPU time of the process, user and system.' },
  startTime: { kind: 'gauge', name: 'process_start_time_seconds', labels: [], help: 'When the process started, seconds since 1970.' },
  rss: { kind: 'gauge', name: 'process_resident_memory_bytes', labels: [], help: 'Memory of the process that is in RAM.' },
  heapUsed: { kind: 'gauge', name: 'nodejs_heap_size_used_bytes', labels: [], help: 'JavaScript heap in use.' },
  heapTotal: { kind: 'gauge', name: 'nodejs_heap_size_total_bytes', labels: [], help: 'JavaScript heap reserved.' },
  external: { kind: 'gauge', name: 'nodejs_external_memory_bytes', labels: [], help: 'Memory of buffers and native objects.' },
} as const satisfies Record<string, MetricRow & { kind: 'counter' | 'gauge' }>;

export type CounterName = keyof typeof COUNTERS;
export type HistogramName = keyof typeof HISTOGRAMS;
export type ReadingName = keyof typeof READINGS;

/** Combinations of label values one metric may have; what comes after them is counted under `other`. */
export const CELLS_MAX = 256;
export const OTHER = 'other';
