/** The real servers for tests that need them; without them such tests are skipped and say why, or fail where they are demanded. */

import { describe, it } from "@jest/globals";
import { Misconfigured } from "../../core/errors.ts";
import { defaultCache, isInstalled } from "../../infra/services/install.ts";
import type { ServiceName } from "../../infra/services/service.ts";
import { findServices, kinds, type Services } from "../../infra/services/services.ts";

/** `DARKROOM_TEST_SERVICES=required`: tests that need servers fail without them, so that no run is green by skipping. */
const areRequired = process.env.DARKROOM_TEST_SERVICES === "required";

/** The servers that were started in this checkout; nothing when none were. */
export function servers(): Services | undefined {
  return findServices();
}

/**
 * Tests against the servers that run. They share them with other tests, so they take names of their own (`namesWith` and
 * `provision` of infra/services/provision.ts), and leave the servers running.
 */
export function describeWithServices(
  name: string,
  needed: readonly ServiceName[],
  tests: (services: Services) => void,
): void {
  const services = servers();
  const absent = needed.filter((one) => !services?.has(one) || services.of(one).condition() !== "running");
  if (services !== undefined && absent.length === 0) describe(name, () => tests(services));
  else without(name, `${absent.join(", ")} not running: npm run services:install && npm run services:start`);
}

/** Tests that start servers of their own, on free ports. */
export function describeWithPrograms(name: string, needed: readonly ServiceName[], tests: () => void): void {
  const absent = needed.filter((one) => !isInstalled(kinds[one], defaultCache()));
  if (absent.length === 0) describe(name, tests);
  else without(name, `${absent.join(", ")} not installed: npm run services:install`);
}

function without(name: string, problem: string): void {
  if (areRequired) {
    describe(name, () => {
      it("has its servers", () => {
        throw new Misconfigured([problem]);
      });
    });
  } else {
    process.stderr.write(`skipped: ${name}: ${problem}\n`);
    describe.skip(name, () => it("needs servers", () => {}));
  }
}
