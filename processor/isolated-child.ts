/** The child's side of processor/isolated.ts: takes one request after another until the channel closes. */

import { messageOf, Refused } from "../core/errors.ts";
import type { Reply, Request } from "./isolated.ts";
import { sharpProcessor } from "./sharp.ts";

const processor = sharpProcessor(JSON.parse(process.argv[2] ?? "{}"));

/** ctrl-c reaches the whole group; the parent decides when its child has finished. */
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);
process.on("disconnect", () => process.exit(0));
process.on("message", (request: Request) => answer(request).then(say));
say({ kind: "ready", name: processor.name, version: processor.version });

async function answer({ id, original, recipe }: Request): Promise<Reply> {
  try {
    return { kind: "developed", id, developed: await processor.process(original, recipe) };
  } catch (error) {
    if (error instanceof Refused) {
      return { kind: "refused", id, reason: error.reason, message: error.message, expected: error.expected };
    }
    return { kind: "failed", id, message: messageOf(error) };
  }
}

/** A parent that is gone needs no answer: the channel's end ends this process. */
function say(reply: Reply): void {
  if (process.connected) process.send?.(reply, undefined, undefined, () => undefined);
}
