// A server as `holdfast start` sees one, for the ways a start and a stop can go. What it does is in FAKE_MAIN.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homePaths, prepareHome, removeAgentFile, writeAgentFile, writeStopped, writeToken } from '../../src/base/home.ts';
import { processStart } from '../../src/base/process.ts';

const mode = process.env.FAKE_MAIN ?? '';
const paths = mode === '' ? homePaths('.holdfast') : prepareHome(`${process.cwd()}/.holdfast`);

if (mode === 'refuse') {
  process.stderr.write('noise\nholdfast: the port 1 is taken.\nFix: holdfast start --port 2\n');
  process.exit(78);
}
if (mode === 'crash') throw new Error('a bug');

let isReady = mode !== 'never-ready';
const status = {
  agentId: 'agt_x',
  currentSession: { id: 'ses_x', restored: true, messageCount: 14 },
  models: [{ name: 'demo', state: 'ok' }],
};
const server = createServer((request, response) => {
  const code = request.url === '/readyz' && !isReady ? 503 : 200;
  response.writeHead(code, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(status));
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  writeToken(paths, 'hf_fake');
  const startedAt = new Date().toISOString();
  writeAgentFile(paths, {
    pid: process.pid,
    processStart: processStart(process.pid) ?? '',
    host: '127.0.0.1',
    port,
    dashboardPort: 0,
    agentId: 'agt_x',
    version: process.argv.slice(2).join(' '),
    startedAt,
  });
});
process.on('SIGTERM', () => {
  if (mode === 'deaf') return;
  isReady = false;
  setTimeout(
    () => {
      writeStopped(paths, { pid: process.pid, drained: 2, seconds: 0.8, sessionId: 'ses_x' });
      removeAgentFile(paths);
      process.exit(0);
    },
    mode === 'slow-drain' ? 700 : 0,
  );
});
