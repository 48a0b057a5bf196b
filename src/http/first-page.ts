/** The plain page before the dashboard: what this is, how it is, how to get in. `assets` is where its files lie, seen from the page. */
export const firstPage = (assets: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Holdfast</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets}first-page.css">
<script type="module" src="${assets}first-page.js"></script>
</head>
<body>
<main>
<h1>Holdfast</h1>
<p>An AI agent server running on this machine. Every message it accepts is stored, answered once, encrypted and auditable.</p>
<h2 id="health-title">Health</h2>
<p role="status" aria-labelledby="health-title"><span id="health" data-word="unknown">asking…</span></p>
<p id="demo" hidden>The built-in demo model answers: canned replies, no language model behind them. For real answers put <code>GEMINI_API_KEY</code> into <code>.env</code> and run <code>npx holdfast restart</code>.</p>
<noscript><p>Without JavaScript: ask <a href="/health">/health</a>.</p></noscript>
<h2>Talk to it</h2>
<p>In a terminal, in the folder it was started from:</p>
<pre><code>npx holdfast chat "Hello!"
npx holdfast status</code></pre>
<h2>Sign in</h2>
<p>The dashboard is not part of this version yet. When it is, this command prints a link that signs you in once:</p>
<pre><code>npx holdfast dashboard</code></pre>
</main>
</body>
</html>
`;

/** Relative to the script, so that any path prefix works. */
export const FIRST_PAGE_SCRIPT = `const place = document.getElementById('health');
const demo = document.getElementById('demo');
const address = new URL('../health', import.meta.url);
const words = { ok: 'ok', degraded: 'degraded: answers may be fallbacks', down: 'down' };

async function ask() {
  let word = 'unreachable';
  try {
    const answer = await fetch(address, { cache: 'no-store' });
    const { status, checks = {} } = await answer.json();
    if (Object.hasOwn(words, status)) word = status;
    const models = Object.keys(checks).filter((id) => id.startsWith('model:'));
    demo.hidden = !(models.length === 1 && models[0] === 'model:demo');
  } catch {
    // Shown as unreachable.
  }
  place.textContent = words[word] ?? word;
  place.dataset.word = word;
}

ask();
setInterval(ask, 5000);
`;

export const FIRST_PAGE_STYLE = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 2rem 1rem; }
main { max-width: 40rem; margin: 0 auto; }
h1 { margin-top: 0; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
pre { padding: 0.75rem 1rem; overflow-x: auto; border: 1px solid; border-radius: 0.4rem; }
#health { font-weight: 600; }
#health::before { content: '●'; margin-right: 0.4em; color: #6b6b6b; }
#health[data-word='ok']::before { color: #157f3b; }
#health[data-word='degraded']::before { color: #a15c00; }
#health[data-word='down']::before, #health[data-word='unreachable']::before { color: #c4221b; }
`;
