import type { ReactNode } from 'react';
import { switchShortcuts, useShortcutsOn } from '../../lib/shortcuts.ts';
import { chooseTheme, type Theme, useTheme } from '../../lib/theme.ts';
import { SelectField } from '../../parts/field.tsx';
import { Panel } from '../../parts/panel.tsx';

const THEMES: Record<Theme, string> = { system: 'As the system', light: 'Light', dark: 'Dark' };
const isTheme = (name: string): name is Theme => name in THEMES;

/** What this browser keeps to itself. */
export function Browser() {
  const theme = useTheme();
  const areOn = useShortcutsOn();
  return (
    <Panel title="This browser">
      <Choice title="Theme" about="Light or dark.">
        <SelectField label="Theme" value={theme} onChange={({ target }) => isTheme(target.value) && chooseTheme(target.value)}>
          {Object.entries(THEMES).map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </SelectField>
      </Choice>
      <Choice title="Single-key shortcuts" about="g and a letter goes to a view: g t to Turns. Search keeps ⌘K or Ctrl-K.">
        <SelectField
          label="Single-key shortcuts"
          value={areOn ? 'on' : 'off'}
          onChange={({ target }) => switchShortcuts(target.value === 'on')}
        >
          <option value="on">On</option>
          <option value="off">Off</option>
        </SelectField>
      </Choice>
    </Panel>
  );
}

function Choice({ title, about, children }: { title: string; about: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 border-b border-line px-4 py-3 last:border-b-0">
      <div className="min-w-0">
        <p className="font-medium">{title}</p>
        <p className="text-muted">{about}</p>
      </div>
      {children}
    </div>
  );
}
