import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes } from 'react';

const BOX = 'h-9 rounded-md border border-line-strong/60 bg-panel px-3 text-sm text-text placeholder:text-muted';

interface InputProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
}

/** `label` is what it is called; shown unless the place makes it plain. */
export function TextField({ label, className = '', ...rest }: InputProps) {
  return <input aria-label={label} className={`${BOX} ${className}`} {...rest} />;
}

interface SelectProps extends SelectHTMLAttributes<HTMLSelectElement> {
  label: string;
  children: ReactNode;
}

export function SelectField({ label, className = '', children, ...rest }: SelectProps) {
  return (
    <select aria-label={label} className={`${BOX} pr-8 ${className}`} {...rest}>
      {children}
    </select>
  );
}
