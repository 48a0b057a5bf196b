import { Page } from '../../parts/page.tsx';

export function Sessions() {
  return <Page title="Sessions">{null}</Page>;
}
