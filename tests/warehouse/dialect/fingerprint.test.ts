import { describe, expect, it } from "@jest/globals";
import { farmFingerprint } from "../../../warehouse/dialect/fingerprint.ts";

/** Answers of Google's C++ library for `length` characters of the alphabet, beginning with `a`. */
const REFERENCE: readonly (readonly [number, string])[] = [
  [0, "-7286425919675154353"],
  [1, "-5528939962900187677"],
  [3, "2640714258260161385"],
  [4, "1897425971756105985"],
  [7, "4341691227789030229"],
  [8, "-78300442537744119"],
  [16, "6080716761534418621"],
  [17, "-7052348088954416216"],
  [32, "-29633327639612006"],
  [33, "2004761416539416594"],
  [64, "-7184832003244844038"],
  [65, "2608948203458330154"],
  [127, "7796145376145211299"],
  [128, "-4385295067663546550"],
  [129, "-7269759402498002988"],
  [200, "2725806534515858166"],
];

describe("farmFingerprint", () => {
  it.each([...REFERENCE])("agrees with the reference for %d characters", (length, expected) => {
    const letters = Buffer.from(Array.from({ length }, (_, index) => 97 + (index % 26)));
    expect(farmFingerprint(letters).toString()).toBe(expected);
  });
});
