#!/bin/sh
# Writes what docker-compose.prod.yml hands to the container as files. Never replaces one: a new master key could not open the old data.
#   export GEMINI_API_KEY=your-key && deploy/make-secrets.sh
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 700 secrets

keep() { # name, text
  if [ -e "secrets/$1" ]; then
    echo "kept   secrets/$1"
  else
    printf '%s\n' "$2" >"secrets/$1"
    # The container's user is another one; the folder is what keeps others out.
    chmod 444 "secrets/$1"
    echo "made   secrets/$1"
  fi
}

if [ ! -e secrets/gemini_api_key ] && [ -z "${GEMINI_API_KEY:-}" ]; then
  echo "make-secrets: GEMINI_API_KEY is not set, and secrets/gemini_api_key is not there." >&2
  echo "Fix: export GEMINI_API_KEY=your-key && deploy/make-secrets.sh" >&2
  exit 78
fi
keep gemini_api_key "${GEMINI_API_KEY:-}"
keep holdfast_master_key "$(head -c 32 /dev/urandom | base64)"
keep holdfast_admin_key "$(od -An -tx1 -N32 -v /dev/urandom | tr -d ' \n')"
echo "Back up secrets/holdfast_master_key apart from the data: without it nothing stored can be read."
