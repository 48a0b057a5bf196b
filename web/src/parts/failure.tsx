import { TriangleAlert } from 'lucide-react';
import { explain } from '../lib/api.ts';
import { Button } from './button.tsx';

/** What could not be shown, why, and what to do. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, detail, requestId } = explain(error);
  return (
    <div role="alert" className="flex items-start gap-3 rounded-lg border border-bad/40 bg-bad-soft p-4 text-text">
      <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
      <div className="min-w-0 grow">
        <p className="font-medium">{title}</p>
        <p className="text-muted">{detail}</p>
        {requestId && <p className="mt-1 font-mono text-xs text-muted">{requestId}</p>}
      </div>
      {retry && (
        <Button size="small" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}
