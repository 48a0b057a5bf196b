import { useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { api } from '../../lib/api.ts';
import { formatWhen, shortId } from '../../lib/format.ts';
import { useIsAdmin } from '../../lib/me.ts';
import { narrow } from '../../lib/router.ts';
import { Button } from '../../parts/button.tsx';
import { SelectField } from '../../parts/field.tsx';
import { REASONS, SPAN_LABELS, STATUSES } from './query.ts';

type Filters = Readonly<Record<string, string>>;
const NONE = {
  status: undefined,
  reason: undefined,
  model: undefined,
  span: undefined,
  since: undefined,
  until: undefined,
  session: undefined,
};

/** Every choice goes into the address, so that a view can be kept and passed on. */
export function TurnFilters({ filters, seenModels }: { filters: Filters; seenModels: readonly string[] }) {
  const isAdmin = useIsAdmin();
  const status = useQuery({ queryKey: ['status'], queryFn: () => api.status(), enabled: isAdmin });
  const configured = status.data?.models.map(({ name }) => name) ?? [];
  const models = [...new Set([...configured, ...seenModels, ...(filters.model ? [filters.model] : [])])];
  const isAny = Object.keys(NONE).some((name) => filters[name] !== undefined);
  return (
    <div className="flex flex-col gap-2">
      <div className="grid grid-cols-2 gap-2 md:flex md:flex-wrap">
        <Choice name="status" label="Outcome" any="Any outcome" filters={filters} options={STATUSES} />
        <Choice name="reason" label="Reason" any="Any reason" filters={filters} options={REASONS} />
        <Choice name="model" label="Model" any="Any model" filters={filters} options={models.map((value) => ({ value, label: value }))} />
        <SelectField
          label="Time"
          className="min-w-0 truncate"
          value={filters.span ?? ''}
          onChange={({ target }) => narrow({ span: target.value, since: undefined, until: undefined })}
        >
          <option value="">Any time</option>
          {Object.entries(SPAN_LABELS).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </SelectField>
        {isAny && (
          <Button look="ghost" className="col-span-2" onClick={() => narrow(NONE)}>
            Clear filters
          </Button>
        )}
      </div>
      <Given filters={filters} />
    </div>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  any: string;
  filters: Filters;
  options: readonly { value: string; label: string }[];
}

function Choice({ name, label, any, filters, options }: ChoiceProps) {
  return (
    <SelectField
      label={label}
      className="min-w-0 truncate"
      value={filters[name] ?? ''}
      onChange={({ target }) => narrow({ [name]: target.value })}
    >
      <option value="">{any}</option>
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </SelectField>
  );
}

/** What came with a link, such as a point of a chart, and has no field of its own. */
function Given({ filters }: { filters: Filters }) {
  const { since, until, session } = filters;
  if (!since && !until && !session) return null;
  return (
    <div className="flex flex-wrap gap-2">
      {(since || until) && (
        <Tag drop={{ since: undefined, until: undefined }} name="time">
          Accepted {since && `from ${formatWhen(since)}`} {until && `until ${formatWhen(until)}`}
        </Tag>
      )}
      {session && (
        <Tag drop={{ session: undefined }} name="session">
          Session {shortId(session)}
        </Tag>
      )}
    </div>
  );
}

function Tag({ drop, name, children }: { drop: Record<string, undefined>; name: string; children: ReactNode }) {
  return (
    <span className="inline-flex items-center gap-1 rounded-full bg-accent-soft py-0.5 pr-1 pl-3 text-xs font-medium text-accent">
      {children}
      <button
        type="button"
        aria-label={`Drop the filter by ${name}`}
        onClick={() => narrow(drop)}
        className="rounded-full p-1 hover:bg-panel"
      >
        <X aria-hidden className="size-3" />
      </button>
    </span>
  );
}
