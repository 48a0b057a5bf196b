/**
 * The plain page before the dashboard: what this is, how it is, how to get in. `assets` is where its files lie and `docs` where the API page is, both
 * seen from the page.
 */
export const firstPage = ({ assets, docs }: { assets: string; docs: string }): string => `<!doctype html>
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
<p id="demo" hidden>The built-in demo model answers: canned replies, no language model behind them. For real answers put <code>GEMINI_API_KEY</code> (or <code>OPENAI_API_KEY</code>, <code>ANTHROPIC_API_KEY</code>) into <code>.env</code> and run <code>npx holdfast restart</code>.</p>
<noscript><p>Without JavaScript: ask <a href="/health">/health</a>.</p></noscript>
<h2>Talk to it</h2>
<p>In a terminal, in the folder it was started from:</p>
<pre><code>npx holdfast chat "Hello!"
npx holdfast status</code></pre>
<h2>Sign in</h2>
<p id="problem" role="alert" hidden></p>
<div id="stranger">
<p>This command prints a link that signs you in once:</p>
<pre><code>npx holdfast dashboard</code></pre>
<form id="key-form"><label for="key">Or with an API key:</label> <input id="key" type="password" autocomplete="off" spellcheck="false" required> <button>Sign in</button></form>
</div>
<div id="guest" hidden>
<p>Signed in as <strong id="who"></strong>. The dashboard is not part of this version yet; <a href="${docs}">the API page</a> already works with this sign-in.</p>
<p><button id="sign-out" type="button">Sign out</button></p>
</div>
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

const at = (id) => document.getElementById(id);
const call = (name, method, body) =>
  fetch(new URL('../v1/' + name, import.meta.url), {
    method,
    cache: 'no-store',
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });

/** Asking who one is without being anybody counts as a refused request, so the page remembers whether it is worth asking. */
const MARK = 'holdfast-signed-in';

function show(me) {
  if (me) localStorage.setItem(MARK, '1');
  else localStorage.removeItem(MARK);
  at('stranger').hidden = me !== undefined;
  at('guest').hidden = me === undefined;
  if (me) at('who').textContent = (me.name ?? me.principal) + ' (' + me.role + ')';
}

function complain(text) {
  at('problem').textContent = text;
  at('problem').hidden = text === '';
}

async function signIn(proof) {
  complain('');
  try {
    const answer = await call('login', 'POST', proof);
    const said = await answer.json();
    if (answer.ok) show(said);
    else complain(said.title);
  } catch {
    complain('The agent cannot be reached.');
  }
}

/** The token of a link leaves the address bar and the history at once. */
async function useLink() {
  const token = location.hash.startsWith('#login=') ? location.hash.slice(7) : undefined;
  if (token === undefined) return false;
  history.replaceState(null, '', location.pathname + location.search);
  await signIn({ token });
  return true;
}

async function recall() {
  if (localStorage.getItem(MARK) === null) return;
  const answer = await call('me', 'GET').catch(() => undefined);
  if (answer?.ok) show(await answer.json());
  else if (answer?.status === 401) show(undefined);
}

at('key-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const key = at('key').value.trim();
  at('key').value = '';
  await signIn({ key });
});
at('sign-out').addEventListener('click', async () => {
  const answer = await call('logout', 'POST').catch(() => undefined);
  if (answer?.ok || answer?.status === 401) show(undefined);
  else complain('That did not work; try again.');
});
addEventListener('hashchange', useLink);

ask();
setInterval(ask, 5000);
if (!(await useLink())) await recall();
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
