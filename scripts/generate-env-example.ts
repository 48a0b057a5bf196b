// Writes .env.example from the settings table: `node scripts/generate-env-example.ts`.
import { writeFileSync } from 'node:fs';
import { renderEnvExample } from '../src/base/env-example.ts';

writeFileSync(new URL('../.env.example', import.meta.url), renderEnvExample());
console.log('wrote .env.example');
