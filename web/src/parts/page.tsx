import type { ReactNode } from 'react';

/** The head of a view and its content. `fills`: the content scrolls by itself and takes the height there is. */
export function Page({
  title,
  about,
  aside,
  fills,
  children,
}: {
  title: string;
  about?: string;
  aside?: ReactNode;
  fills?: boolean;
  children: ReactNode;
}) {
  return (
    <div className={`mx-auto flex w-full max-w-7xl flex-col gap-4 p-4 md:p-6 ${fills ? 'h-full min-h-0' : ''}`}>
      <header className="flex flex-wrap items-end justify-between gap-3">
        <div>
          <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
          {about && <p className="text-muted">{about}</p>}
        </div>
        {aside && <div className="flex flex-wrap items-center gap-2">{aside}</div>}
      </header>
      {children}
    </div>
  );
}
