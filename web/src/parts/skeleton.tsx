/** Holds the place while something loads; says so to those who cannot see it. */
export function Skeleton({ label, rows = 4 }: { label: string; rows?: number }) {
  return (
    <div role="status" aria-label={label} className="flex flex-col gap-3 p-6">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows without content never change places.
        <div key={row} className="h-12 animate-pulse rounded-lg bg-raised" />
      ))}
    </div>
  );
}
