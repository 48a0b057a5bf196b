import { defineAgent } from 'holdfast';
import { maskPersonalData } from './mask-personal-data.ts';
import { lookUpOrder, refundOrder } from './order-tools.ts';

export default defineAgent({
  name: 'support',
  instructions: [
    'You answer customers of a shop for lamps. Be short and friendly.',
    'Look an order up before you say anything about it. Never guess a date or a price.',
    'Refund only what the customer asked for, once, and tell them the refund number.',
    'If a refund is reported as unknown, say that a colleague will check it, and do not try again.',
  ].join('\n'),
  tools: [lookUpOrder, refundOrder],
  middleware: [maskPersonalData],
});
