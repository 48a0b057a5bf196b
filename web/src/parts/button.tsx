import type { ButtonHTMLAttributes } from 'react';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'plain' | 'primary' | 'danger' | 'ghost';
  size?: 'small' | 'medium';
}

const LOOKS = {
  plain: 'border border-line bg-panel text-text hover:bg-raised',
  primary: 'border border-transparent bg-accent text-on-accent hover:opacity-90',
  danger: 'border border-bad/50 bg-panel text-bad hover:bg-bad-soft',
  ghost: 'border border-transparent text-muted hover:bg-raised hover:text-text',
};
const SIZES = { small: 'h-7 px-2.5 text-xs', medium: 'h-9 px-3.5 text-sm' };

export function Button({ look = 'plain', size = 'medium', className = '', type = 'button', ...rest }: ButtonProps) {
  const shape = 'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap transition-colors';
  return <button type={type} className={`${shape} ${LOOKS[look]} ${SIZES[size]} disabled:opacity-50 ${className}`} {...rest} />;
}
