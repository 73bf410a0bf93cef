import { memoryLog, memoryStream } from "../../../loaders/stream/memory.ts";
import type { Stream } from "../../../loaders/stream/stream.ts";
import { streamConformance } from "../../conformance/stream.ts";

streamConformance("the stream in memory", () => {
  const log = memoryLog();
  const opened: Stream[] = [];
  return {
    open(group = "default") {
      const stream = memoryStream({ log, group, retryMinMs: 1, retryMaxMs: 5 });
      opened.push(stream);
      return stream;
    },
    dispose: async () => void (await Promise.all(opened.map((stream) => stream.close()))),
  };
});
