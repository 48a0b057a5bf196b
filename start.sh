#!/bin/sh
# From a fresh clone to a running agent: installs, builds, writes .env, starts. Run it as often as you like, from anywhere;
# it needs no root and asks nothing.
set -eu

NODE_MIN=20
cd "$(dirname "$0")"

say() { printf '%s\n' "▸ $1"; }
fail() {
  printf '%s\n' "start.sh: $1" "Fix: $2" >&2
  exit 1
}
case "${1:-}" in
"") ;;
-h | --help)
  printf '%s\n' "Usage: ./start.sh" "" \
    "From a fresh clone to a running agent: installs what the lockfile names, builds, writes .env if there is none, starts." \
    "Run it as often as you like: what is up to date is left alone. It takes no options; settings are in .env." "" \
    "Then:  npx holdfast chat \"Hello!\"  ·  npx holdfast status  ·  npx holdfast stop"
  exit 0
  ;;
*) fail "it takes no options." "./start.sh --help   # settings go into .env" ;;
esac

# Any file below the first arguments that is newer than the last one.
newer_than() { find "$@" -type f -newer "$stamp" -print 2>/dev/null | head -n 1; }

command -v node >/dev/null 2>&1 || fail "Node is not installed." "install Node 24 from https://nodejs.org, then run ./start.sh again"
command -v npm >/dev/null 2>&1 || fail "npm is not installed." "install npm (it comes with Node from https://nodejs.org), then run ./start.sh again"
node_major=$(node -p 'process.versions.node.split(".")[0]')
[ "$node_major" -ge "$NODE_MIN" ] || fail "Node $(node --version) is too old for npm." "install Node 24 from https://nodejs.org, then run ./start.sh again"

installed=node_modules/.package-lock.json
pinned=node_modules/.bin/node
if [ ! -x "$pinned" ] || [ ! -e "$installed" ] || [ -n "$(find package-lock.json -newer "$installed")" ]; then
  say "Installing what the lockfile names (npm ci) …"
  npm ci --loglevel=error --no-audit --no-fund || fail "npm ci failed." "read npm's message above; without a network nothing can be installed"
  # What npm ci writes may carry an older time than the lockfile of a fresh clone.
  touch "$installed"
else
  say "Packages are up to date."
fi
"$pinned" --version >/dev/null 2>&1 || fail "the pinned Node in node_modules does not run." "rm -rf node_modules && ./start.sh"

# npm's scripts, and what they start, run on the pinned Node.
PATH="$(pwd)/node_modules/.bin:$PATH"
export PATH

stamp=dist/cli.js
if [ ! -e "$stamp" ] || [ ! -e dist/main.js ] || [ -n "$(newer_than src web scripts package.json package-lock.json tsconfig.json)" ]; then
  say "Building …"
  npm run --silent build >/dev/null || fail "the build failed." "npm run build"
  was_built=yes
else
  say "The build is up to date."
  was_built=no
fi

if [ -e .env ]; then
  say "Keeping your .env."
else
  say "Writing .env (settings; readable by you alone)."
  (umask 077 && cp .env.example .env)
  chmod 600 .env
fi

# A running agent would go on with the old code.
if [ "$was_built" = yes ] && "$pinned" bin/holdfast.js status --json >/dev/null 2>&1; then
  say "Restarting the agent with the new build …"
  "$pinned" bin/holdfast.js restart
else
  say "Starting the agent …"
  "$pinned" bin/holdfast.js start
fi

printf '%s\n' "" "Talk to it:  npx holdfast chat \"Hello!\""
if "$pinned" bin/holdfast.js config show --json 2>/dev/null | grep -q '"HOLDFAST_MODELS":"demo"'; then
  printf '%s\n' "The demo model answers for now. For Google Gemini: put GEMINI_API_KEY into .env (others: docs/guide/models.md), then run: npx holdfast restart"
fi
