import { linkTo, usePlace } from '../lib/router.ts';
import { VIEW_ENTRIES } from './views.ts';

/** At the left; below 768 px at the bottom, where a thumb is. */
export function Rail() {
  const { view } = usePlace();
  return (
    <nav
      aria-label="Views"
      className="fixed inset-x-0 bottom-0 z-30 flex justify-between border-t border-line bg-panel px-1 md:static md:w-52 md:shrink-0 md:flex-col md:justify-start md:gap-0.5 md:border-t-0 md:border-r md:p-3"
    >
      <div className="hidden items-center gap-2 px-2 pt-1 pb-4 md:flex">
        <img src={new URL('../icon.svg', import.meta.url).href} alt="" className="size-7" />
        <span className="text-base font-semibold tracking-tight">Holdfast</span>
      </div>
      {VIEW_ENTRIES.map((entry) => {
        const isHere = entry.view === view;
        const Icon = entry.icon;
        const look = isHere ? 'bg-accent-soft text-accent' : 'text-muted hover:bg-raised hover:text-text';
        return (
          <a
            key={entry.view}
            href={linkTo(entry.view)}
            aria-current={isHere ? 'page' : undefined}
            className={`flex min-w-0 flex-1 flex-col items-center gap-0.5 rounded-md px-0.5 py-1.5 text-[0.6875rem] font-medium md:flex-none md:flex-row md:gap-2.5 md:px-2.5 md:py-2 md:text-sm ${look}`}
          >
            <Icon aria-hidden className="size-5 shrink-0 md:size-4" />
            <span className="max-w-full truncate">{entry.label}</span>
          </a>
        );
      })}
    </nav>
  );
}
