// ⌘K or Ctrl-K opens the palette; `g` and a letter goes to a view. Single keys can be switched off (WCAG 2.1.4).
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { VIEW_ENTRIES } from '../shell/views.ts';
import { keep, kept } from './keep.ts';
import { go } from './router.ts';

const AFTER_G_MS = 1_200;
const listeners = new Set<() => void>();

export const areShortcutsOn = (): boolean => kept('shortcuts') !== 'off';

export function switchShortcuts(on: boolean): void {
  keep('shortcuts', on ? null : 'off');
  for (const listener of listeners) listener();
}

export const useShortcutsOn = (): boolean =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, areShortcutsOn);

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));

export function useShortcuts(togglePalette: () => void): void {
  const toggle = useRef(togglePalette);
  useEffect(() => {
    toggle.current = togglePalette;
  });
  useEffect(() => {
    let pressedG = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey)) {
        event.preventDefault();
        toggle.current();
        return;
      }
      if (!areShortcutsOn() || event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      const entry = VIEW_ENTRIES.find(({ key }) => key === event.key);
      if (entry && performance.now() - pressedG < AFTER_G_MS) go(entry.view);
      pressedG = event.key === 'g' ? performance.now() : 0;
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
