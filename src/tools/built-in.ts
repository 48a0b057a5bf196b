import type { Clock } from '../base/clock.ts';
import { createCalculate } from './calculate.ts';
import { createCurrentTime } from './current-time.ts';
import type { Tool } from './tool.ts';

/** The tools every agent has unless its author gives others of the same name. */
export function builtInTools(clock: Clock): Tool[] {
  return [createCurrentTime(clock), createCalculate()];
}
