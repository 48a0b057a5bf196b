// Two tools: one that only reads, one that moves money.
import { readFileSync } from 'node:fs';
import { defineTool, ToolRefusal } from 'holdfast';
import { z } from 'zod';
import { openLedger } from './refund-ledger.ts';

const orderSchema = z.array(
  z.object({ id: z.string(), item: z.string(), paidCents: z.number().int(), status: z.string(), arrives: z.iso.date() }),
);
// Stands for the shop's database.
const orders = orderSchema.parse(JSON.parse(readFileSync(new URL('orders.json', import.meta.url), 'utf8')));
const ledger = openLedger(process.env.REFUND_LEDGER ?? 'refunds.jsonl');

/** What is thrown as a ToolRefusal goes to the model, in these words. Anything else a tool throws is told as “the tool failed”. */
function findOrder(id: string) {
  const order = orders.find((each) => each.id === id);
  if (!order) throw new ToolRefusal(`There is no order ${id}. Ask the customer to check the number.`);
  return order;
}

export const lookUpOrder = defineTool({
  name: 'look_up_order',
  description: 'Item, price paid, status and day of arrival of an order.',
  input: z.object({ orderId: z.string().describe('The number on the invoice, such as 1042') }),
  // It only reads: after a crash in the middle it is simply run again.
  repeatable: true,
  run: ({ orderId }) => ({ ...findOrder(orderId), refundedCents: ledger.refundedCents(orderId) }),
});

export const refundOrder = defineTool({
  name: 'refund_order',
  description: 'Pays money back for an order. Runs once; an outcome that is not known must not be tried again.',
  input: z.object({
    orderId: z.string(),
    cents: z.number().int().positive().describe('Amount in cents, 4900 for 49.00'),
    reason: z.string().max(200),
  }),
  // Not repeatable, which is the default: Holdfast stores that it is about to run, runs it once, and after a crash reports the outcome as unknown.
  timeoutMs: 10_000,
  run({ orderId, cents, reason }, { callId }) {
    const { paidCents } = findOrder(orderId);
    const left = paidCents - ledger.refundedCents(orderId);
    if (cents > left) throw new ToolRefusal(`At most ${left} cents of order ${orderId} can still be refunded.`);
    return { refund: ledger.pay({ callId, orderId, cents, reason }), orderId, cents };
  },
});
