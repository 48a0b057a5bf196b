import { programVersion } from '../base/version.ts';
import type { CommonFlags, Context } from './context.ts';

export async function version({ io: { out } }: Context, flags: CommonFlags): Promise<number> {
  const answer = { version: programVersion(), node: process.version, platform: `${process.platform} ${process.arch}` };
  out.line(flags.json ? JSON.stringify(answer) : answer.version);
  return 0;
}
