/** Functions whose arguments are plain expressions: BigQuery's name, the macro, and how many arguments there may be. */

export interface PlainFunction {
  readonly macro: string;
  readonly least: number;
  readonly most: number;
}

const TABLE = `
  ABS abs 1 1, SIGN sign 1 1, CEIL ceil 1 1, CEILING ceil 1 1, FLOOR floor 1 1, TRUNC trunc 1 1, SQRT sqrt 1 1,
  CBRT cbrt 1 1, EXP exp 1 1, LN ln 1 1, LOG10 log10 1 1, LOG log 1 2, POW pow 2 2, POWER pow 2 2, SIN sin 1 1,
  COS cos 1 1, TAN tan 1 1, ASIN asin 1 1, ACOS acos 1 1, ATAN atan 1 1, SINH sinh 1 1, COSH cosh 1 1, TANH tanh 1 1,
  ASINH asinh 1 1, ACOSH acosh 1 1, ATANH atanh 1 1, COT cot 1 1, CSC csc 1 1, SEC sec 1 1, COTH coth 1 1,
  CSCH csch 1 1, SECH sech 1 1, DIV div 2 2, MOD mod 2 2, SAFE_DIVIDE safe_divide 2 2, SAFE_ADD safe_add 2 2,
  SAFE_SUBTRACT safe_subtract 2 2, SAFE_MULTIPLY safe_multiply 2 2, SAFE_NEGATE safe_negate 1 1, IS_INF is_inf 1 1,
  IS_NAN is_nan 1 1, IEEE_DIVIDE ieee_divide 2 2, BIT_COUNT bit_count 1 1,
  LENGTH length 1 1, CHAR_LENGTH char_length 1 1, CHARACTER_LENGTH char_length 1 1, BYTE_LENGTH byte_length 1 1,
  OCTET_LENGTH byte_length 1 1, SUBSTR substr 2 3, SUBSTRING substr 2 3, LEFT left 2 2, RIGHT right 2 2,
  UPPER upper 1 1, LOWER lower 1 1, TRIM trim 1 2, LTRIM ltrim 1 2, RTRIM rtrim 1 2, REPLACE replace 3 3,
  STARTS_WITH starts_with 2 2, ENDS_WITH ends_with 2 2, STRPOS strpos 2 2, INSTR instr 2 4, REVERSE reverse 1 1,
  REPEAT repeat 2 2, LPAD lpad 2 3, RPAD rpad 2 3, SPLIT split 1 2, ASCII ascii 1 1, UNICODE unicode 1 1, CHR chr 1 1,
  TRANSLATE translate 3 3, CODE_POINTS_TO_STRING code_points_to_string 1 1, TO_CODE_POINTS to_code_points 1 1,
  INITCAP initcap 1 1, TO_HEX to_hex 1 1, FROM_HEX from_hex 1 1, TO_BASE64 to_base64 1 1, FROM_BASE64 from_base64 1 1,
  SAFE_CONVERT_BYTES_TO_STRING bytes_to_string 1 1, MD5 md5 1 1, SHA1 sha1 1 1, SHA256 sha256 1 1, SHA512 sha512 1 1,
  FARM_FINGERPRINT farm_fingerprint 1 1,
  UNIX_SECONDS unix_seconds 1 1, UNIX_MILLIS unix_millis 1 1, UNIX_MICROS unix_micros 1 1, UNIX_DATE unix_date 1 1,
  TIMESTAMP_SECONDS timestamp_seconds 1 1, TIMESTAMP_MILLIS timestamp_millis 1 1,
  TIMESTAMP_MICROS timestamp_micros 1 1, DATE_FROM_UNIX_DATE date_from_unix_date 1 1,
  TO_JSON_STRING to_json_string 1 1, JSON_TYPE json_type 1 1, BOOL json_bool 1 1, INT64 json_int64 1 1,
  FLOAT64 json_float64 1 1, JSON_KEYS json_keys 1 1, PARSE_NUMERIC to_numeric 1 1,
  ARRAY_LENGTH array_length 1 1, RANGE_BUCKET range_bucket 2 2, ARRAY_REVERSE array_reverse 1 1, ARRAY_FIRST array_first 1 1,
  ARRAY_LAST array_last 1 1, GENERATE_ARRAY generate_array 2 3`;

/** The functions that the prefix SAFE. turns into one with NULL for an error. */
export const SAFE_FORMS: Readonly<Record<string, string>> = { LN: "safe_ln" };

export const PLAIN_FUNCTIONS: ReadonlyMap<string, PlainFunction> = new Map(
  TABLE.trim()
    .split(/,\s*/)
    .map((row) => {
      const [name = "", macro = "", least, most] = row.split(" ");
      return [name, { macro, least: Number(least), most: Number(most) }];
    }),
);
