import { useSyncExternalStore } from 'react';
import { keep, kept } from './keep.ts';

export type Theme = 'system' | 'light' | 'dark';

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

const chosen = (): Theme => {
  const name = kept('theme');
  return name === 'light' || name === 'dark' ? name : 'system';
};

/** Called once before the first paint, and whenever the choice or the system changes. */
export function applyTheme(): void {
  const theme = chosen();
  document.documentElement.dataset.theme = theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
  for (const listener of listeners) listener();
}

export function chooseTheme(theme: Theme): void {
  keep('theme', theme);
  applyTheme();
}

dark.addEventListener('change', applyTheme);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, chosen);
export const useIsDark = (): boolean => useSyncExternalStore(subscribe, () => document.documentElement.dataset.theme === 'dark');
