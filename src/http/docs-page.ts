/** The page at `/docs`. Everything on it comes from `/openapi.json`; addresses are relative, so that any path prefix works. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Holdfast API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/page.css">
<script type="module" src="docs/page.js"></script>
</head>
<body>
<main>
<header>
<h1>Holdfast API <small id="version"></small></h1>
<p id="about" role="status">Reading the document…</p>
<p><a href="openapi.json">openapi.json</a></p>
<p><label for="key">API key</label>
<input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="hf_…" size="40">
<span class="note">Used for the requests sent from here. Forgotten when this page is closed.</span></p>
</header>
<noscript><p>This page needs JavaScript. The document itself is <a href="openapi.json">openapi.json</a>.</p></noscript>
<div id="operations"></div>
<section id="schemas"></section>
</main>
</body>
</html>
`;

export const DOCS_STYLE = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; --line: #8886; --note: light-dark(#555, #aaa); }
body { margin: 0; padding: 2rem 1rem; }
main { max-width: 60rem; margin: 0 auto; }
h1 { margin-top: 0; }
h1 small, .note { color: var(--note); font-size: 0.85rem; font-weight: normal; }
h2 { margin: 2rem 0 0.5rem; }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; }
details { border: 1px solid var(--line); border-radius: 0.4rem; margin: 0.4rem 0; }
summary { cursor: pointer; padding: 0.4rem 0.75rem; }
summary code { font-weight: 600; }
details > div { padding: 0 0.75rem 0.75rem; }
code, pre, textarea, input { font: 0.875rem/1.45 ui-monospace, monospace; }
pre { padding: 0.6rem; margin: 0.25rem 0; overflow: auto; max-height: 30rem; border: 1px solid var(--line); border-radius: 0.4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
textarea { width: 100%; box-sizing: border-box; min-height: 6rem; }
label { display: inline-block; min-width: 10rem; font-weight: 600; }
.field { margin: 0.3rem 0; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; }
.GET { color: light-dark(#0b5cad, #7ab7ff); }
.POST { color: light-dark(#157f3b, #6fd08c); }
.PATCH { color: light-dark(#8a5200, #f0b35a); }
.DELETE { color: light-dark(#b3211a, #ff8f87); }
button { font: inherit; padding: 0.3rem 1rem; margin: 0.5rem 0.5rem 0.5rem 0; }
`;
