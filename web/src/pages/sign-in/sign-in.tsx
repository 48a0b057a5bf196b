import { type FormEvent, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { Failure } from '../../parts/failure.tsx';

const COMMAND = 'npx holdfast dashboard';

/** A stranger learns which command prints a link, and nothing else. */
export function SignIn({ failure, signIn }: { failure?: unknown; signIn(key: string): Promise<void> }) {
  const [key, setKey] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [refused, setRefused] = useState<unknown>(failure);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setRefused(undefined);
    try {
      await signIn(key.trim());
    } catch (error) {
      setRefused(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="flex min-h-full items-center justify-center p-4">
      <div className="flex w-full max-w-sm flex-col gap-5 rounded-xl border border-line bg-panel p-6">
        <div>
          <h1 className="text-xl font-semibold tracking-tight">Holdfast</h1>
          <p className="text-muted">Sign in to this agent.</p>
        </div>
        <div className="flex flex-col gap-2">
          <p>On the machine where it runs, this prints a link that signs you in:</p>
          <pre className="overflow-x-auto rounded-md bg-raised px-3 py-2 font-mono text-sm">{COMMAND}</pre>
        </div>
        <form onSubmit={submit} className="flex flex-col gap-2">
          <label htmlFor="key" className="font-medium">
            Or paste an API key
          </label>
          <input
            id="key"
            type="password"
            autoComplete="off"
            spellCheck={false}
            placeholder="hf_…"
            value={key}
            onChange={(event) => setKey(event.target.value)}
            className="h-9 rounded-md border border-line-strong/60 bg-panel px-3 font-mono text-sm placeholder:text-muted"
          />
          <Button type="submit" look="primary" disabled={isBusy || key.trim() === ''}>
            {isBusy ? 'Signing in…' : 'Sign in'}
          </Button>
        </form>
        {refused !== undefined && <Failure error={refused} />}
      </div>
    </main>
  );
}
