// The one importer of mathjs: its parser alone, so that a bundler can drop the rest. Loaded when first used.
import { create, type MathNode, parseDependencies } from 'mathjs/number';

const { parse } = create(parseDependencies ?? {});

/** Syntax tree of an expression; nothing is evaluated. Throws SyntaxError, or RangeError for deep nesting. */
export const parseExpression = (expression: string): MathNode => parse(expression);
