import { Page } from '../../parts/page.tsx';

export function Turns() {
  return <Page title="Turns">{null}</Page>;
}
