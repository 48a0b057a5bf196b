import { Page } from '../../parts/page.tsx';

export function Logs() {
  return <Page title="Logs">{null}</Page>;
}
