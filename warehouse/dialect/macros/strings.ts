/** Functions on STRING and BYTES. Lengths and places count characters (code points) of STRING and bytes of BYTES. */
import { type Macro, macro } from "./macro.ts";

/** What TRIM takes away: the characters with Unicode's White_Space property. */
const WHITE_SPACE = [
  9, 10, 11, 12, 13, 32, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007,
  0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
]
  .map((code) => String.fromCodePoint(code))
  .join("");

/** Letters whose other case has several letters or depends on the language: DuckDB answers differently. */
const UNPROVEN_CASES = "[ßİŉǰΐΰևẖẗẘẙẚẞὐὒὔὖᾀ-ᾯᾲ-ᾷᾼῂ-ῌῒ-ῗῢ-ῧῲ-ῼﬀ-ﬗ]";

const changeCase = (call: string): string =>
  `CASE WHEN regexp_matches(x, '${UNPROVEN_CASES}') THEN error('The other case of this text is not proven') ELSE ${call}(x) END`;

const notNegative = (n: string, value: string): string =>
  `CASE WHEN ${n} < 0 THEN error('a length must not be negative') ELSE ${value} END`;

/** The first character that SUBSTR takes: zero counts as one, negative numbers from the end. */
const START = "CASE WHEN p > 0 THEN p WHEN p = 0 THEN 1 ELSE greatest(n + p + 1, 1) END";

export const strings: readonly Macro[] = [
  macro(
    "concat2",
    "Two texts in one; NULL when one is NULL.",
    ["a STRING, b STRING", "(a || b)::VARCHAR"],
    ["a BYTES, b BYTES", "(a || b)::BLOB"],
  ),
  macro(
    "length",
    "The number of characters or bytes.",
    ["x STRING", "length(x)"],
    ["x BYTES", "octet_length(x)"],
  ),
  macro("char_length", "The number of characters.", ["x STRING", "length(x)"]),
  macro(
    "byte_length",
    "The number of bytes in UTF-8.",
    ["x STRING", "strlen(x)::BIGINT"],
    ["x BYTES", "octet_length(x)"],
  ),
  macro(
    "substr",
    "A part from a place on, as long as said or to the end.",
    ["x STRING, p INT64", "bq.part(x, bq.first_character(length(x), p))"],
    ["x STRING, p INT64, l INT64", notNegative("l", "substring(x, bq.first_character(length(x), p), l)")],
  ),
  macro("part", "The text from a place on.", ["x, p", "substring(x, p)"]),
  macro("first_character", "Where SUBSTR begins.", ["n, p", START]),
  macro("left", "The first characters.", ["x STRING, n INT64", notNegative("n", "left(x, n)")]),
  macro("right", "The last characters.", ["x STRING, n INT64", notNegative("n", "right(x, n)")]),
  macro("upper", "Upper case.", ["x STRING", changeCase("upper")]),
  macro("lower", "Lower case.", ["x STRING", changeCase("lower")]),
  macro(
    "trim",
    "Without white space, or the named characters, at both ends.",
    ["x STRING", `trim(x, '${WHITE_SPACE}')`],
    ["x STRING, c STRING", "trim(x, c)"],
  ),
  macro(
    "ltrim",
    "Without them at the beginning.",
    ["x STRING", `ltrim(x, '${WHITE_SPACE}')`],
    ["x STRING, c STRING", "ltrim(x, c)"],
  ),
  macro(
    "rtrim",
    "Without them at the end.",
    ["x STRING", `rtrim(x, '${WHITE_SPACE}')`],
    ["x STRING, c STRING", "rtrim(x, c)"],
  ),
  macro("replace", "Every occurrence replaced; an empty one leaves the text as it is.", [
    "x STRING, a STRING, b STRING",
    "replace(x, a, b)",
  ]),
  macro("starts_with", "Whether the text begins so.", ["x STRING, y STRING", "starts_with(x, y)"]),
  macro("ends_with", "Whether the text ends so.", ["x STRING, y STRING", "ends_with(x, y)"]),
  macro("strpos", "The place of the first occurrence, from 1; 0 when there is none.", [
    "x STRING, y STRING",
    "strpos(x, y)",
  ]),
  macro("reverse", "The characters backwards.", ["x STRING", "bq.backwards(x)"]),
  macro("backwards", "Code point by code point.", [
    "x",
    "array_to_string(list_reverse(string_split(x, '')), '')",
  ]),
  macro("repeat", "The text so many times.", ["x STRING, n INT64", notNegative("n", "repeat(x, n)")]),
  macro(
    "lpad",
    "Filled up, or cut, to a length, at the left.",
    ["x STRING, n INT64", notNegative("n", "lpad(x, n::INTEGER, ' ')")],
    ["x STRING, n INT64, p STRING", notNegative("n", "lpad(x, n::INTEGER, bq.pattern(p))")],
  ),
  macro(
    "rpad",
    "The same at the right.",
    ["x STRING, n INT64", notNegative("n", "rpad(x, n::INTEGER, ' ')")],
    ["x STRING, n INT64, p STRING", notNegative("n", "rpad(x, n::INTEGER, bq.pattern(p))")],
  ),
  macro("pattern", "A padding, which must not be empty.", [
    "p",
    "CASE WHEN p = '' THEN error('the pattern must not be empty') ELSE p END",
  ]),
  macro(
    "split",
    "The parts between separators, characters when the separator is empty.",
    ["x STRING", "string_split(x, ',')"],
    ["x STRING, d STRING", "string_split(x, d)"],
  ),
  macro("ascii", "The code of the first character, which must be ASCII.", [
    "x STRING",
    "CASE WHEN x = '' THEN 0 WHEN unicode(x) > 127 THEN error('not ASCII') ELSE unicode(x)::BIGINT END",
  ]),
  macro("unicode", "The code point of the first character; 0 for an empty text.", [
    "x STRING",
    "CASE WHEN x = '' THEN 0 ELSE unicode(x)::BIGINT END",
  ]),
  macro("chr", "The character of a code point.", [
    "n INT64",
    "CASE WHEN n = 0 THEN '' WHEN n < 0 OR n > 1114111 OR n BETWEEN 55296 AND 57343 THEN error('no code point') ELSE chr(n::INTEGER) END",
  ]),
  macro("translate", "Characters replaced one by one.", [
    "x STRING, a STRING, b STRING",
    "translate(x, a, b)",
  ]),
  macro("code_points_to_string", "A text of code points.", [
    "l INT64[]",
    "CASE WHEN list_count(l) = len(l) THEN array_to_string(list_transform(l, lambda c: chr(c::INTEGER)), '') END",
  ]),
  macro("to_code_points", "The code points of a text.", [
    "x STRING",
    "CASE WHEN x = '' THEN []::BIGINT[] ELSE list_transform(string_split(x, ''), lambda c: unicode(c)::BIGINT) END",
  ]),
  macro("initcap", "Words begin with a capital; only letters, digits and blanks are proven.", [
    "x STRING",
    "CASE WHEN regexp_full_match(x, '[A-Za-z0-9 ]*') THEN array_to_string(list_transform(string_split(lower(x), ' '), lambda w: upper(left(w, 1)) || substring(w, 2)), ' ') WHEN x IS NOT NULL THEN error('INITCAP of this text is not proven') END",
  ]),
  macro("normalize_nfc", "Unicode's composed form.", ["x STRING", "nfc_normalize(x)"]),
  macro("to_hex", "Two lower case digits a byte.", ["x BYTES", "lower(hex(x))"]),
  macro("from_hex", "The bytes of hexadecimal digits.", [
    "x STRING",
    "unhex(CASE WHEN length(x) % 2 = 1 THEN '0' || x ELSE x END)",
  ]),
  macro("to_base64", "Base 64 with padding.", ["x BYTES", "base64(x)"]),
  macro("from_base64", "The bytes of a base 64 text.", ["x STRING", "from_base64(x)"]),
  macro("bytes_to_string", "Bytes as UTF-8; the mending of bad ones is not proven.", [
    "x BYTES",
    "decode(x)",
  ]),
  macro("md5", "16 bytes.", ["x STRING", "unhex(md5(x))"], ["x BYTES", "unhex(md5(x))"]),
  macro("sha1", "20 bytes.", ["x STRING", "unhex(sha1(x))"], ["x BYTES", "unhex(sha1(x))"]),
  macro("sha256", "32 bytes.", ["x STRING", "unhex(sha256(x))"], ["x BYTES", "unhex(sha256(x))"]),
  macro(
    "sha512",
    "64 bytes; computed in JavaScript.",
    ["x STRING", "unhex(darkroom_sha512(hex(encode(x))))"],
    ["x BYTES", "unhex(darkroom_sha512(hex(x)))"],
  ),
  macro(
    "farm_fingerprint",
    "Google's Fingerprint64 as INT64; computed in JavaScript.",
    ["x STRING", "darkroom_fingerprint(hex(encode(x)))"],
    ["x BYTES", "darkroom_fingerprint(hex(x))"],
  ),
  macro(
    "instr",
    "The place of the nth occurrence, which may overlap, from a place on; 0 when there is none.",
    ["x STRING, y STRING", "strpos(x, y)"],
    ["x STRING, y STRING, p INT64", "bq.occurrence(x, y, p, 1)"],
    ["x STRING, y STRING, p INT64, n INT64", "bq.occurrence(x, y, p, n)"],
  ),
  macro("occurrence", "Only from a place forwards.", [
    "x, y, p, n",
    `CASE WHEN p < 1 OR n < 1 OR y = '' THEN error('INSTR outside the proven range')
          WHEN x IS NOT NULL AND y IS NOT NULL THEN coalesce(list_filter(range(p, length(x) + 1), lambda i: substring(x, i, length(y)) = y)[n], 0) END`,
  ]),
  ...regularExpressions(),
];

/** Both engines use RE2; patterns and group numbers are constants of the query. */
function regularExpressions(): readonly Macro[] {
  return [
    macro("regexp_contains", "Whether a part of the text matches.", ["x STRING, p", "regexp_matches(x, p)"]),
    macro("regexp_extract", "The first match, or its only group; NULL without one.", [
      "x STRING, p, g",
      "CASE WHEN regexp_matches(x, p) THEN regexp_extract(x, p, g) END",
    ]),
    macro("regexp_extract_all", "Every match, or its only group.", [
      "x STRING, p, g",
      "regexp_extract_all(x, p, g)",
    ]),
    macro("regexp_replace", "Every match replaced; \\1 to \\9 are groups.", [
      "x STRING, p, r",
      "regexp_replace(x, p, r, 'g')",
    ]),
    macro(
      "regexp_instr",
      "The place of the first match, from 1; 0 without one. The group before it is what precedes.",
      [
        "x STRING, before",
        "CASE WHEN regexp_matches(x, before) THEN length(regexp_extract(x, before, 1)) + 1 WHEN x IS NOT NULL THEN 0::BIGINT END",
      ],
    ),
  ];
}
