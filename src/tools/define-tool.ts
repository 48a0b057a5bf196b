import { ConfigError } from '../base/errors.ts';
import type { Tool } from './tool.ts';

/** What providers accept as a function name. */
const TOOL_NAME = /^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$/;

/** Gives a tool its types and checks its name. Throws ConfigError. */
export function defineTool<Input>(tool: Tool<Input>): Tool<Input> {
  if (!TOOL_NAME.test(tool.name)) {
    throw new ConfigError(
      `A tool has a name that models cannot call: ${JSON.stringify(String(tool.name).slice(0, 80))}.`,
      'use 1 to 64 letters, digits, _ or -, beginning with a letter or _, such as current_time',
    );
  }
  return tool;
}
