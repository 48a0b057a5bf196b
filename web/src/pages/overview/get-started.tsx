import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api, baseOf } from '../../lib/api.ts';
import { linkTo } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { CopyText } from '../../parts/copy-text.tsx';
import { Failure } from '../../parts/failure.tsx';
import { LinkButton } from '../../parts/link-button.tsx';
import { Panel } from '../../parts/panel.tsx';

const HELLO = 'Hello!';

/** The three steps of a first day: an answer, a real model, a program that asks. */
export function GetStarted({ isDemo }: { isDemo: boolean }) {
  return (
    <Panel title="Get started">
      <ol className="grid lg:grid-cols-3 lg:divide-x lg:divide-line">
        <Step number={1} title="Say hello">
          <Hello />
        </Step>
        <Step number={2} title={isDemo ? 'Add a model key' : 'A model is set up'}>
          <p className="text-muted">
            {isDemo
              ? 'The built-in demo model answers until there is one. Put a key into .env, then restart:'
              : 'Another one is added the same way: its key in .env, then a restart.'}
          </p>
          <Snippet text={'GEMINI_API_KEY=your-key'} label="Copy the line for .env" />
          <Snippet text={'npx holdfast restart'} label="Copy the command" />
        </Step>
        <Step number={3} title="Connect something">
          <p className="text-muted">Any program that speaks HTTP. On the machine of the agent, in its folder:</p>
          <Snippet text={curlOf(baseOf(window.location))} label="Copy the curl command" />
          <p className="text-muted">
            From elsewhere, take a key made under{' '}
            <a href={linkTo('settings')} className="text-accent underline">
              Settings
            </a>
            .
          </p>
        </Step>
      </ol>
    </Panel>
  );
}

const curlOf = (base: string): string =>
  [
    `curl ${base}/v1/chat \\`,
    '  -H "Authorization: Bearer $(cat .holdfast/run/token)" \\',
    "  -H 'Content-Type: application/json' \\",
    `  -d '{"message": "${HELLO}"}'`,
  ].join('\n');

function Step({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <li className="flex min-w-0 flex-col gap-2 border-t border-line p-4 first:border-t-0 lg:border-t-0">
      <h3 className="flex items-center gap-2 font-medium">
        <span aria-hidden className="flex size-6 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent">
          {number}
        </span>
        {title}
      </h3>
      {children}
    </li>
  );
}

function Hello() {
  const client = useQueryClient();
  const hello = useMutation({
    mutationFn: () => api.chat({ body: { message: HELLO } }),
    onSettled: () => void client.invalidateQueries(),
  });
  return (
    <>
      <p className="text-muted">One click sends “{HELLO}” and shows what comes back.</p>
      <div className="flex flex-wrap gap-2">
        <Button size="small" look="primary" disabled={hello.isPending} onClick={() => hello.mutate()}>
          {hello.isPending ? 'Waiting for the answer…' : 'Say hello'}
        </Button>
        {hello.data && <LinkButton href={linkTo('chat', hello.data.sessionId)}>Go on in chat</LinkButton>}
      </div>
      <div aria-live="polite">
        {hello.data && (
          <p className="max-h-28 overflow-y-auto rounded-md bg-raised px-3 py-2 break-words">
            {hello.data.reply ?? 'The answer takes longer; it will be in chat.'}
          </p>
        )}
      </div>
      {hello.isError && <Failure error={hello.error} />}
    </>
  );
}

function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div className="flex items-start gap-2 rounded-md bg-raised py-1 pr-1 pl-3">
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
        tabIndex={0}
        className="min-w-0 grow overflow-x-auto py-0.5 font-mono text-xs"
      >
        {text}
      </pre>
      <CopyText text={text} label={label} />
    </div>
  );
}
