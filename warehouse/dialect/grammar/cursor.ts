/** A place in the list of tokens, with the few questions that every grammar rule asks. */
import type { Token, TokenKind } from "../lexer.ts";
import { Invalid, type Position, Refusal } from "../refusal.ts";

/** Deeper nesting than this is refused, so that no text can exhaust the stack. */
const DEEPEST = 200;

export class Cursor {
  readonly #tokens: Token[];
  readonly #last: Token;
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], last: Token) {
    this.#tokens = [...tokens];
    this.#last = last;
  }

  /** The token `ahead` places further on. */
  peek(ahead = 0): Token {
    return this.#tokens[this.#index + ahead] ?? this.#last;
  }

  get at(): Position {
    return this.peek().at;
  }

  next(): Token {
    const token = this.peek();
    this.#index++;
    return token;
  }

  /** Whether the next tokens are these unquoted words or symbols. */
  is(...words: readonly string[]): boolean {
    return words.every((word, ahead) => {
      const token = this.peek(ahead);
      return (token.kind === "word" || token.kind === "symbol") && token.upper === word;
    });
  }

  isKind(kind: TokenKind): boolean {
    return this.peek().kind === kind;
  }

  /** Takes the words or symbols when they come next. */
  accept(...words: readonly string[]): boolean {
    if (!this.is(...words)) return false;
    this.#index += words.length;
    return true;
  }

  expect(...words: readonly string[]): void {
    for (const word of words) if (!this.accept(word)) this.unexpected(`${word} was expected`);
  }

  /** The first of the words that comes next, taken. */
  acceptAny<const Word extends string>(words: readonly Word[]): Word | undefined {
    return words.find((word) => this.accept(word));
  }

  unexpected(expected: string): never {
    const token = this.peek();
    const found = token.kind === "end" ? "the end of the statement" : JSON.stringify(token.text);
    throw new Invalid(`Unexpected ${found}; ${expected}`, token.at);
  }

  refuse(construct: string, advice?: string): never {
    throw new Refusal(construct, this.at, advice);
  }

  /** Runs a rule one level deeper. */
  deeper<T>(rule: () => T): T {
    if (++this.#depth > DEEPEST) this.refuse("Nesting this deep", "Split the statement into steps.");
    const result = rule();
    this.#depth--;
    return result;
  }

  /** Cuts the two-character symbol that comes next in two: `>>` may close two types. */
  split(): void {
    const token = this.peek();
    const [first = "", second = ""] = token.text;
    const middle = { ...token.at, offset: token.at.offset + 1, column: token.at.column + 1 };
    this.#tokens.splice(
      this.#index,
      1,
      { ...token, text: first, upper: first, end: middle.offset },
      { ...token, text: second, upper: second, at: middle },
    );
  }

  /** One or more of a rule, separated by commas. */
  list<T>(rule: () => T): readonly T[] {
    const items = [rule()];
    while (this.accept(",")) items.push(rule());
    return items;
  }

  /** A list in parentheses, at least one. */
  enclosed<T>(rule: () => T): readonly T[] {
    this.expect("(");
    const items = this.list(rule);
    this.expect(")");
    return items;
  }

  /** Runs the rule and answers undefined, at the old place, when it does not fit. */
  attempt<T>(rule: () => T): T | undefined {
    const [index, depth] = [this.#index, this.#depth];
    try {
      return rule();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      [this.#index, this.#depth] = [index, depth];
      return undefined;
    }
  }
}
