import { describe, expect, it } from "@jest/globals";
import { tokenize } from "../../../warehouse/dialect/lexer.ts";
import { Refusal } from "../../../warehouse/dialect/refusal.ts";

const texts = (sql: string): readonly string[] =>
  tokenize(sql)
    .slice(0, -1)
    .map(({ kind, text }) => `${kind}:${text}`);

describe("tokenize", () => {
  it("cuts words, numbers and symbols, and skips comments", () => {
    expect(texts("SELECT a>=1.5e3 -- why\n# more\n/* and\nmore */ + .5")).toEqual([
      "word:SELECT",
      "word:a",
      "symbol:>=",
      "float:1.5e3",
      "symbol:+",
      "float:.5",
    ]);
  });

  it("reads escapes in plain strings and leaves them in raw ones", () => {
    expect(texts(`'a\\n\\x41\\u00e9\\U0001F600' r'\\d+' """a"b'''c"""`)).toEqual([
      "string:a\nAé😀",
      "string:\\d+",
      "string:a\"b'''c",
    ]);
  });

  it("reads bytes as hexadecimal digits", () => {
    expect(texts("b'a\\xff' rb'\\x'")).toEqual(["bytes:61ff", "bytes:5c78"]);
  });

  it("keeps line and column", () => {
    const [, second] = tokenize("select\n  x");
    expect(second?.at).toEqual({ offset: 9, line: 2, column: 3 });
  });

  it.each(["'open", "'a\nb'", "`open", "/* open", "'\\q'", "1abc", "\u0007"])("refuses %j", (sql) => {
    expect(() => tokenize(sql)).toThrow(Refusal);
  });
});
