import type { MathNode } from 'mathjs';
import { z } from 'zod';
import { defineTool } from './define-tool.ts';
import type { Tool } from './tool.ts';
import { ToolRefusal } from './tool-refusal.ts';

const EXPRESSION_CHARS_MAX = 500;
const DEPTH_MAX = 50;
/** The last factorial a double holds. */
const FACTORIAL_MAX = 170;
/** Digits a double is trusted for: 0.1 + 0.2 is 0.3. */
const DIGITS = 15;

const input = z.object({
  expression: z
    .string()
    .min(1)
    .max(EXPRESSION_CHARS_MAX)
    .describe('Arithmetic such as 12 * (3 + 4)^2, 20 % 3, 5!, sqrt(2), round(2.5), log(100, 10), max(1, 2), pi.'),
});

/** Answers `{expression, result}` with a finite number. */
export function createCalculate(): Tool<z.infer<typeof input>> {
  return defineTool({
    name: 'calculate',
    description: 'Works out an arithmetic expression exactly as written. Use it for every calculation.',
    input,
    repeatable: true,
    async run({ expression }) {
      // The parser is large and most turns never need it.
      const { parseExpression } = await import('./math-parser.ts');
      return { expression, result: evaluateExpression(parseExpression, expression) };
    },
  });
}

/** Only the syntax tree comes from the library; what may be evaluated, and how, is the closed list below. Throws ToolRefusal. */
export function evaluateExpression(parse: (expression: string) => MathNode, expression: string): number {
  let tree: MathNode;
  try {
    tree = parse(expression);
  } catch {
    throw new ToolRefusal('The expression is not arithmetic I can read.'); // SyntaxError, or RangeError from deep nesting
  }
  const result = evaluate(tree, 0);
  if (!Number.isFinite(result)) throw new ToolRefusal('The result is not a finite number.');
  return Number(result.toPrecision(DIGITS));
}

function evaluate(node: MathNode, depth: number): number {
  if (depth > DEPTH_MAX) throw new ToolRefusal('The expression is nested too deep.');
  const inner = (child: MathNode) => evaluate(child, depth + 1);
  // `type` tells the node classes apart; the parser's instance checks would need its classes loaded here.
  const { type } = node;
  if (type === 'ConstantNode') return constant((node as unknown as { value: unknown }).value);
  if (type === 'ParenthesisNode') return inner((node as unknown as { content: MathNode }).content);
  if (type === 'SymbolNode') return known(CONSTANTS, (node as unknown as { name: string }).name);
  if (type === 'OperatorNode') {
    const { fn, args } = node as unknown as { fn: string; args: MathNode[] };
    return applied(known(OPERATORS, fn), args.map(inner));
  }
  if (type === 'FunctionNode') {
    const { fn, args } = node as unknown as { fn: MathNode; args: MathNode[] };
    if (fn.type !== 'SymbolNode') throw refusal();
    return applied(known(FUNCTIONS, (fn as unknown as { name: string }).name), args.map(inner));
  }
  throw refusal();
}

function constant(value: unknown): number {
  if (typeof value !== 'number') throw refusal();
  return value;
}

function known<Value>(table: ReadonlyMap<string, Value>, name: string): Value {
  const value = table.get(name);
  if (value === undefined) throw refusal();
  return value;
}

function refusal(): ToolRefusal {
  return new ToolRefusal('Only numbers, + - * / ^ % !, parentheses, pi, e and functions such as sqrt, round or log can be used.');
}

interface Operation {
  /** Arguments it takes: at least, at most. */
  arity: readonly [number, number];
  apply: (...values: number[]) => number;
}

function applied({ arity: [least, most], apply }: Operation, values: number[]): number {
  if (values.length < least || values.length > most) throw new ToolRefusal('A function has the wrong number of arguments.');
  return apply(...values);
}

const one = (apply: (x: number) => number): Operation => ({ arity: [1, 1], apply: (x = Number.NaN) => apply(x) });
const two = (apply: (x: number, y: number) => number): Operation => ({
  arity: [2, 2],
  apply: (x = Number.NaN, y = Number.NaN) => apply(x, y),
});

const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ['pi', Math.PI],
  ['e', Math.E],
  ['tau', 2 * Math.PI],
]);

/** By the parser's names. `%` is the remainder with the sign of the divisor, and a percentage when nothing follows. */
const OPERATORS: ReadonlyMap<string, Operation> = new Map([
  ['add', two((x, y) => x + y)],
  ['subtract', two((x, y) => x - y)],
  ['multiply', two((x, y) => x * y)],
  ['divide', two((x, y) => x / y)],
  ['pow', two((x, y) => x ** y)],
  ['mod', two((x, y) => (y === 0 ? Number.NaN : x - y * Math.floor(x / y)))],
  ['unaryMinus', one((x) => -x)],
  ['unaryPlus', one((x) => x)],
  ['factorial', one(factorial)],
]);

const FUNCTIONS: ReadonlyMap<string, Operation> = new Map([
  ['abs', one(Math.abs)],
  ['sqrt', one(Math.sqrt)],
  ['cbrt', one(Math.cbrt)],
  ['exp', one(Math.exp)],
  ['ln', one(Math.log)],
  ['log', { arity: [1, 2], apply: (x = Number.NaN, base = Math.E) => logarithm(x, base) }],
  ['log10', one(Math.log10)],
  ['log2', one(Math.log2)],
  ['sin', one(Math.sin)],
  ['cos', one(Math.cos)],
  ['tan', one(Math.tan)],
  ['asin', one(Math.asin)],
  ['acos', one(Math.acos)],
  ['atan', one(Math.atan)],
  ['floor', one(Math.floor)],
  ['ceil', one(Math.ceil)],
  ['round', { arity: [1, 2], apply: (x = Number.NaN, digits = 0) => rounded(x, digits) }],
  ['sign', one(Math.sign)],
  ['pow', two((x, y) => x ** y)],
  ['mod', two((x, y) => (y === 0 ? Number.NaN : x - y * Math.floor(x / y)))],
  ['min', { arity: [1, 64], apply: Math.min }],
  ['max', { arity: [1, 64], apply: Math.max }],
  ['factorial', one(factorial)],
]);

function factorial(x: number): number {
  if (!Number.isInteger(x) || x < 0 || x > FACTORIAL_MAX) return Number.NaN;
  let product = 1;
  for (let factor = 2; factor <= x; factor += 1) product *= factor;
  return product;
}

/** Exact for the bases people use. */
function logarithm(x: number, base: number): number {
  if (base === 10) return Math.log10(x);
  return base === 2 ? Math.log2(x) : Math.log(x) / Math.log(base);
}

/** Half away from zero, as people are taught. */
function rounded(x: number, digits: number): number {
  if (!Number.isInteger(digits) || Math.abs(digits) > DIGITS) return Number.NaN;
  const scale = 10 ** digits;
  const scaled = Number((Math.abs(x) * scale).toPrecision(DIGITS));
  return (Math.sign(x) * Math.round(scaled)) / scale;
}
