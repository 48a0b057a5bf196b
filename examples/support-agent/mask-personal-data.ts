// Card numbers and e-mail addresses never get in: not to the model, not to the disk, not to a log.
import type { Middleware } from 'holdfast';

/** 13 to 19 digits, with single spaces or dashes between them. Each has one way to match, so that no text makes it slow. */
const CARD = /\b\d(?:[ -]?\d){12,18}\b/g;
const EMAIL = /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}/g;

export function masked(text: string): string {
  return text
    .replace(CARD, (found) => {
      const digits = found.replace(/\D/g, '');
      return passesLuhn(digits) ? `[card ending ${digits.slice(-4)}]` : found;
    })
    .replace(EMAIL, '[e-mail address]');
}

/** The check digit of card numbers: an order number of the same length is left alone nine times out of ten. */
function passesLuhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

export const maskPersonalData: Middleware = {
  name: 'mask-personal-data',
  /** What is returned here is what gets stored. */
  onRequest: ({ message }) => ({ message: masked(message) }),
  /** A model can make one up, or read one from a tool. With this point replies are sent when they are whole. */
  onReply: ({ text }) => ({ text: masked(text) }),
};
