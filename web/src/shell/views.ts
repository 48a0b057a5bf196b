import { Activity, ChartColumn, FileClock, type LucideIcon, MessageSquare, MessagesSquare, ScrollText, Settings } from 'lucide-react';
import type { View } from '../lib/router.ts';

/** The views in the order of the rail, with the key that goes there after `g`. */
export const VIEW_ENTRIES: readonly { view: View; label: string; icon: LucideIcon; key: string }[] = [
  { view: 'overview', label: 'Overview', icon: ChartColumn, key: 'o' },
  { view: 'chat', label: 'Chat', icon: MessageSquare, key: 'c' },
  { view: 'sessions', label: 'Sessions', icon: MessagesSquare, key: 's' },
  { view: 'turns', label: 'Turns', icon: Activity, key: 't' },
  { view: 'logs', label: 'Logs', icon: ScrollText, key: 'l' },
  { view: 'audit', label: 'Audit', icon: FileClock, key: 'a' },
  { view: 'settings', label: 'Settings', icon: Settings, key: 'e' },
];
