#!/bin/sh
# Reviews what a branch changes and writes the review as Markdown. For any CI that has a shell.
#
#   HOLDFAST_URL, HOLDFAST_API_KEY   the agent to ask
#   BASE        what to compare with                    default: origin/main
#   HOLDFAST    how to call the command line            default: npx holdfast
#   REVIEW      where the review goes                   default: review.md
#
# Exit: 0 reviewed, or nothing to review · 6 no model could answer · 3 agent not reached · 4 key refused · 5 too late · 1 anything else
set -eu
base=${BASE:-origin/main}
review=${REVIEW:-review.md}
bytes_max=200000
diff=$(mktemp)
answer=$(mktemp)
trap 'rm -f "$diff" "$answer"' EXIT

# Into a file first: in a pipe a git that fails looks like an empty diff.
git diff --no-color --merge-base "$base" -- . ':(exclude)package-lock.json' >"$diff"
if [ ! -s "$diff" ]; then
  echo "Nothing differs from $base." >"$review"
  exit 0
fi
if [ "$(wc -c <"$diff")" -gt "$bytes_max" ]; then
  echo "This change is too large to be reviewed in one piece." >"$review"
  exit 1
fi

status=0
# --new: a review knows nothing of the ones before it. "-": the diff is waited for, however long it takes.
${HOLDFAST:-npx holdfast} chat "Review this change. Name bugs and risks with file and line, most important first." - \
  --new --json --fail-on-degraded --timeout 120s <"$diff" >"$answer" || status=$?

if [ "$status" -eq 0 ] || [ "$status" -eq 6 ]; then
  node -e '
    const turn = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    const mark = turn.degraded ? "> **Degraded: this is not a review.**\n\n" : "";
    console.log(`${mark}${turn.reply}\n\n<sub>${turn.model ?? "no model"}, turn ${turn.turnId}</sub>`);
  ' "$answer" >"$review"
fi
exit "$status"
