// The dashboard as it ships, in a real Chromium: every view, nothing in the console, nothing from outside, nothing that axe finds.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeGemini, startFakeGemini } from './support/fake-gemini/fake-gemini.ts';
import { type ServerProcess, startServer } from './support/server-process.ts';

const ADMIN = 'hf_admin_of_the_dashboard_test_0123456789';
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (!executablePath) console.warn('\nSKIPPED: the dashboard in a browser. It needs Chromium: apt-get install chromium\n');

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['overview', 'chat', 'sessions', 'turns', 'logs', 'audit', 'settings'];

describe.skipIf(!executablePath)('the dashboard', () => {
  let fake: FakeGemini;
  let server: ServerProcess;
  let browser: Browser;
  /** What should not have been: errors of the console, requests to elsewhere. */
  const amiss: string[] = [];

  beforeAll(async () => {
    fake = await startFakeGemini();
    const env = {
      HOLDFAST_ADMIN_KEY: ADMIN,
      GEMINI_API_KEY: 'dashboard-test',
      GOOGLE_GEMINI_BASE_URL: fake.url,
      HOLDFAST_MODELS: 'gemini/fake',
    };
    server = await startServer({ env });
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: [...ARGS] });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    server?.remove();
    await fake?.stop();
  });

  async function signedIn(options: Parameters<Browser['newContext']>[0] = {}): Promise<{ page: Page; context: BrowserContext }> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(8_000);
    page.on('console', (message) => message.type() === 'error' && amiss.push(message.text()));
    page.on('pageerror', (error) => amiss.push(String(error)));
    page.on('request', (request) => !request.url().startsWith(server.url) && amiss.push(`request to ${request.url()}`));
    await page.goto(`${server.url}/ui/`);
    await page.getByLabel('API key').fill(ADMIN);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    return { page, context };
  }

  test('signs in, says hello, shows the answer and the turn, and signs out', async () => {
    fake.setBehaviour({ text: 'All is **well**, says <img src=x onerror=alert(1)> the lighthouse.' });
    const { page, context } = await signedIn();
    await page.goto(`${server.url}/ui/#/chat`);
    await page.getByRole('textbox', { name: /message/i }).fill('Hello!');
    await page.keyboard.press('Enter');
    await page.getByText('the lighthouse').waitFor();
    expect(await page.locator('main strong', { hasText: 'well' }).count()).toBe(1);
    expect(await page.locator('main img').count()).toBe(0);
    await page.goto(`${server.url}/ui/#/turns`);
    await page.locator('main table').getByText('completed').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('npx holdfast dashboard').waitFor();
    expect((await context.request.get(`${server.url}/v1/me`)).status()).toBe(401);
    await context.close();
    // The last question is answered with 401, which Chromium counts as an error of the page only when the page asked.
    expect(amiss.splice(0)).toEqual([]);
  });

  test.each([
    ['light', 1280],
    ['dark', 360],
  ] as const)('every view is without fault, %s at %i px', async (colorScheme, width) => {
    const { page, context } = await signedIn({ colorScheme, viewport: { width, height: 800 } });
    for (const view of VIEWS) {
      await page.goto(`${server.url}/ui/#/${view}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('load');
      expect(
        await page.evaluate('document.documentElement.scrollWidth - innerWidth'),
        `${view} is wider than the window`,
      ).toBeLessThanOrEqual(0);
      // By the protocol, not as a script of the page: its policy forbids that, rightly.
      await page.evaluate(AXE);
      const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
      expect(found.violations.map(({ id, nodes }) => `${view}: ${id} ${nodes[0]?.html}`)).toEqual([]);
    }
    await context.close();
    expect(amiss.splice(0)).toEqual([]);
  });
});
