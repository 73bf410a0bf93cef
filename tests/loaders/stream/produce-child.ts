/** A producer to be run as a process of its own: ROOT NAME COUNT SIZE; writes a line to stdout for each durable message. */

import { journalStream } from "../../../loaders/stream/journal.ts";

const [root = "", name = "", count = "0", size = "0"] = process.argv.slice(2);
const stream = journalStream({ root, topic: "images", group: "none", partitions: 1, fileBytes: 200_000 });
const padding = "x".repeat(Number(size));
for (let index = 0; index < Number(count); index += 4) {
  const batch = [0, 1, 2, 3].map((step) => index + step);
  await stream.produce(batch.map((number) => ({ key: name, value: Buffer.from(`${number} ${padding}`) })));
  process.stdout.write(batch.map((number) => `${number}\n`).join(""));
}
await stream.close();
