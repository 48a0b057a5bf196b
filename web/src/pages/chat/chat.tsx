import { Page } from '../../parts/page.tsx';

export function Chat() {
  return <Page title="Chat">{null}</Page>;
}
