/** Longest name that is compared: the distance table is quadratic. */
const NAME_CHARS_MAX = 80;

/**
 * Known names a mistyped one may have meant, best first, at most three. Empty when nothing is close enough to be worth a guess. A wrong guess
 * about a setting stops a start, one about a verb costs nothing: `loose` is for those.
 */
export function nearNames(name: string, known: Iterable<string>, loose = false): string[] {
  if (name.length > NAME_CHARS_MAX) return [];
  const scored: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(known)) {
    if (candidate === name) continue;
    const distance = closeness(name, candidate, loose ? 3 : 5);
    if (distance !== undefined) scored.push({ candidate, distance });
  }
  scored.sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate));
  return scored.slice(0, 3).map((entry) => entry.candidate);
}

/** One edit in five characters is a slip of the hand; in a shorter word only a swap or the wrong case is, or `SORT` would be taken for `PORT`. */
function closeness(name: string, candidate: string, charsPerEdit: number): number | undefined {
  const a = fold(name);
  const b = fold(candidate);
  if (a === b) return 0;
  if (isMissingOneWord(name, candidate)) return 1;
  const distance = editDistance(a, b);
  if (distance <= Math.min(3, Math.floor(b.length / charsPerEdit))) return distance;
  return distance === 1 && isSwap(a, b) ? 1 : undefined;
}

const fold = (name: string): string => name.toUpperCase().replaceAll(/[-_ .]/g, '');

/** `GEMINI_KEY` for `GEMINI_API_KEY`. */
function isMissingOneWord(name: string, candidate: string): boolean {
  const words = candidate.toUpperCase().split('_');
  if (words.length < 3) return false;
  const given = name.toUpperCase();
  return words.some((_, index) => index > 0 && words.filter((_, other) => other !== index).join('_') === given);
}

const isSwap = (a: string, b: string): boolean => a.length === b.length && [...a].sort().join('') === [...b].sort().join('');

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, at(before, j - 2) + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return at(previous, b.length);
}

const at = (row: number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;
