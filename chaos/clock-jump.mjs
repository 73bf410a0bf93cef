/**
 * Preloaded into darkroom's processes (`node --import`): the time of day is shifted by the milliseconds that a file holds, while
 * durations (performance.now, timers) go on as they are. The file's path is in this module's own query, `?offset=PATH`.
 */

import { readFileSync } from "node:fs";

const path = new URL(import.meta.url).searchParams.get("offset") ?? "";
const RealDate = Date;
/** Code asks for the time often; the file is looked at this often. */
const lookEveryMs = 20;
let lookedAtMs = Number.NEGATIVE_INFINITY;
let offsetMs = 0;

function now() {
  if (performance.now() - lookedAtMs > lookEveryMs) {
    lookedAtMs = performance.now();
    try {
      // Number("") is 0: a file that is just being written is no jump.
      offsetMs = Number(readFileSync(path, "utf8")) || 0;
    } catch {
      offsetMs = 0;
    }
  }
  return RealDate.now() + offsetMs;
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, property) => (property === "now" ? now : Reflect.get(target, property)),
});
RealDate.prototype.constructor = globalThis.Date;
