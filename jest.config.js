/** Jest runs the TypeScript sources as native modules; swc only removes the types. */
export default {
  testEnvironment: "node",
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        module: { type: "es6" },
        jsc: { target: "es2022", parser: { syntax: "typescript" } },
        sourceMaps: "inline",
      },
    ],
  },
  moduleFileExtensions: ["ts", "js", "json", "node"],
  modulePathIgnorePatterns: ["<rootDir>/.darkroom"],
  testTimeout: 20_000,
  errorOnDeprecated: true,
};
