import { SETTING_KEYS, type Setting, type SettingGroup, settingOf } from './settings.ts';

const TITLES: Record<SettingGroup, string> = {
  models: 'Models',
  agent: 'Agent',
  network: 'Network',
  keys: 'Keys',
  storage: 'Storage',
  limits: 'Limits (durations in milliseconds)',
  alerts: 'Alerts (durations in milliseconds)',
  'command line': 'Command line',
};

/** The text of `.env.example`. Made by `scripts/generate-env-example.ts`; a test holds the file and the table together. */
export function renderEnvExample(): string {
  const lines = [
    '# Settings of Holdfast. Copy to .env (start.sh does) and keep that file to yourself: it is not committed.',
    '# Stronger than this file: the environment and command line flags. `npx holdfast config show --sources` says what won.',
    '# Every key can also be given as NAME_FILE=/path/to/a/file. An empty value counts as not set.',
  ];
  for (const group of Object.keys(TITLES) as SettingGroup[]) {
    lines.push('', `# --- ${TITLES[group]} ---`);
    for (const key of SETTING_KEYS) {
      const entry = settingOf(key);
      if (entry.group === group) lines.push(...renderSetting(entry));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Only the one line nearly everybody edits is not commented out. */
function renderSetting(entry: Setting): string[] {
  const [name, ...also] = entry.names;
  const alias = also.length === 0 ? '' : ` (Also read: ${also.join(', ')}.)`;
  const mark = name === 'GEMINI_API_KEY' ? '' : '#';
  return [`# ${entry.description}${alias}`, `${mark}${name}=${entry.default ?? ''}`];
}
