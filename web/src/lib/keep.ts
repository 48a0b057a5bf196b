// Small choices of this browser. Nothing secret and nothing of a conversation goes here.

export type Kept = 'theme' | 'signedIn' | 'shortcuts' | 'window' | 'logLevel';

export function kept(name: Kept): string | null {
  try {
    return window.localStorage.getItem(`holdfast.${name}`);
  } catch {
    // Storage is forbidden in this browser: every choice then lasts as long as the page.
    return null;
  }
}

export function keep(name: Kept, value: string | null): void {
  try {
    if (value === null) window.localStorage.removeItem(`holdfast.${name}`);
    else window.localStorage.setItem(`holdfast.${name}`, value);
  } catch {
    // As above.
  }
}
