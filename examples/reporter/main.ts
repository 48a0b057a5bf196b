// One report, or with --every-day-at one each day. Cron and systemd start it; see README.md.
import { parseArgs } from 'node:util';
import { EXIT_OF, report, untilNext } from './reporter.ts';

const { values } = parseArgs({ options: { 'every-day-at': { type: 'string' } } });
const { HOLDFAST_URL: url = 'http://127.0.0.1:8000', HOLDFAST_API_KEY: apiKey, REPORT_WEBHOOK_URL: webhookUrl } = process.env;
const { REPORT_QUESTION: question = 'What should the team know this morning?', REPORT_STATE: stateFolder = 'reports' } = process.env;
const AGAIN_MS = 10 * 60_000;
const TIMER_MS_MAX = 60_000;

async function once(): Promise<number> {
  if (!apiKey || !webhookUrl) {
    console.error('HOLDFAST_API_KEY and REPORT_WEBHOOK_URL must be set. Fix: see examples/reporter/README.md');
    return 78;
  }
  try {
    const outcome = await report({ agent: { url, apiKey }, webhookUrl, question, stateFolder, now: () => new Date() });
    console.log(outcome === 'unknown' ? `unknown: look whether the report arrived; it is not sent again (${stateFolder})` : outcome);
    return EXIT_OF[outcome];
  } catch (error) {
    console.error(`no report: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

/** Looks at the clock once a minute, so that a machine that slept or changed its time is not an hour late. */
async function daily(at: string): Promise<never> {
  for (;;) {
    let leftMs = untilNext(at, new Date());
    while (leftMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(leftMs, TIMER_MS_MAX)));
      const now = untilNext(at, new Date());
      leftMs = now > leftMs ? 0 : now;
    }
    for (let tries = 0; tries < 6 && (await once()) !== 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

const at = values['every-day-at'];
if (at === undefined) process.exitCode = await once();
else if (/^([01]\d|2[0-3]):[0-5]\d$/.test(at)) await daily(at);
else {
  console.error('--every-day-at takes a time such as 07:30.');
  process.exitCode = 2;
}
