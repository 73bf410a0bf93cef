/** `darkroom demo`: the whole way with pictures of its own, and the answer as a table. `npm start` runs it. */

import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { createBudget } from "../../core/budget.ts";
import { wholeNumber } from "../arguments.ts";
import { command, execute, type Run } from "../command.ts";
import { busyCustomer, demoCustomers } from "../demo/customers.ts";
import { makePicture } from "../demo/pictures.ts";
import { type Random, seededRandom } from "../demo/random.ts";
import { type Answer, sendByHttp, sendByStream } from "../demo/send.ts";
import { type Service, startService } from "../service.ts";
import {
  countImages,
  type ImageCounts,
  imageCountNames,
  imageCounts,
  isInOrder,
  loadSegments,
  runModels,
} from "../steps.ts";
import { describeService, stopped } from "./up.ts";

interface Options {
  readonly images: number;
  readonly customers: number;
  readonly once?: boolean;
  readonly json?: boolean;
}

interface Sent {
  readonly byHttp: Record<Answer, number>;
  byStream: number;
  /** Sound pictures of known customers: these must end as processed. */
  sound: number;
  /** The first customer's key. */
  readonly apiKey: string;
}

const senders = 4;

export function demoCommand(): Command {
  return command("demo", "make customers and pictures, send them through the doors, and show the answer")
    .option("--images <n>", "how many pictures", wholeNumber(1, 100_000), 200)
    .option("--customers <n>", "of how many customers", wholeNumber(1, 1000), 5)
    .option("--once", "end after the answer; otherwise the dashboard is served until stopped")
    .action((options: Options) => execute(options, (run) => demo(run, options)));
}

async function demo(run: Run, options: Options): Promise<boolean> {
  const { platform, output, signal } = run;
  const steps: [name: string, seconds: number][] = [];
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = platform.clock.elapsedMs();
    output.note(`${name} …`);
    const result = await work();
    steps.push([name, Math.round((platform.clock.elapsedMs() - startedMs) / 100) / 10]);
    return result;
  };

  const before = await timed("open the warehouse", () => countBefore(run));
  const service = await startService(run, options.once ? 0 : platform.config.DARKROOM_PORT);
  try {
    const sent = await timed("draw and send", () => drawAndSend(run, service, options));
    await timed("process", () => untilProcessed(run, service));
    const { rows } = await timed("load", () => loadSegments(run));
    const models = await timed("run the models", () => runModels(run));
    const counts = difference(await countImages(run), before);
    await showAnswer(run, steps);
    const isAnswered = isInOrder(models) && explain(run, sent, counts);
    output.json({
      ...counts,
      loaded_rows: rows,
      models: models.models,
      assertions_failed: models.assertionsFailed,
      is_complete: isAnswered,
    });
    if (!options.once && !signal.aborted) {
      service.keepRefreshing();
      describeService(run, service);
      output.line(`key for the page  ${sent.apiKey}`);
      await Promise.race([stopped(signal), service.failed]);
    }
    return isAnswered;
  } finally {
    await service.stop();
  }
}

/** What earlier demos left: this one's numbers are what it adds. */
async function countBefore(run: Run): Promise<ImageCounts> {
  await loadSegments(run);
  await runModels(run);
  return countImages(run);
}

async function drawAndSend(run: Run, service: Service, options: Options): Promise<Sent> {
  const { platform, output, signal } = run;
  const customers = demoCustomers(options.customers);
  await platform.customers.upsert(customers);
  const keys = new Map<string, string>();
  for (const { customer_id } of customers)
    keys.set(customer_id, await platform.customers.issueKey(customer_id));

  const stream = await platform.stream();
  const sent: Sent = {
    byHttp: { accepted: 0, refused: 0, "turned away": 0 },
    byStream: 0,
    sound: 0,
    apiKey: String([...keys.values()][0]),
  };
  const slots = createBudget(senders);
  const failures: unknown[] = [];
  const progress = output.progress("draw and send", options.images);
  const random = seededRandom(1);
  for (let number = 0; number < options.images && !signal.aborted && failures.length === 0; number++) {
    const release = await slots.take();
    const own = seededRandom(random.whole(0, 2 ** 31));
    sendOne(number, own)
      .catch((error) => failures.push(error))
      .finally(release);
    progress.update(number + 1);
  }
  await slots.whenFree();
  progress.end();
  if (failures.length > 0) throw failures[0];
  return sent;

  async function sendOne(number: number, own: Random): Promise<void> {
    const customer = busyCustomer(customers, own)?.customer_id;
    const picture = await makePicture(number, own, platform.config.DARKROOM_MAX_IMAGE_BYTES);
    const stranger = strangerFor(number);
    if (picture.isSound && stranger === undefined) sent.sound += 1;
    if (number % 2 === 0) {
      const apiKey = stranger === undefined ? (keys.get(customer ?? "") ?? "") : "dk_unknown";
      sent.byHttp[await sendByHttp(service.url, apiKey, picture, randomUUID())] += 1;
    } else {
      await sendByStream(stream, stranger === undefined ? customer : stranger.customerId, picture);
      sent.byStream += 1;
    }
  }
}

/** Now and then somebody sends who is not known: by HTTP with a wrong key, by the stream with a wrong name or none. */
function strangerFor(number: number): { readonly customerId: string | undefined } | undefined {
  if (number % 40 === 18 || number % 40 === 19) return { customerId: "nobody" };
  return number % 40 === 39 ? { customerId: undefined } : undefined;
}

async function untilProcessed({ platform, output, signal }: Run, service: Service): Promise<void> {
  const stream = await platform.stream();
  const arrived = async () =>
    (await platform.arrivals.waiting()) ?? (await takenIn(platform)) - service.done();
  const waiting = async () => Math.max(0, await arrived()) + Number(await stream.lag());
  const total = await waiting();
  const progress = output.progress("process", total);
  for (let left = total; left > 0 && !signal.aborted; left = await waiting()) {
    progress.update(Math.max(0, total - left));
    await platform.clock.sleep(100, signal);
  }
  progress.end();
}

/** Arrivals that this process made: what its doors took or refused and kept, and what its processor refused. */
async function takenIn({ metrics }: Run["platform"]): Promise<number> {
  const counted = [
    ...(await metrics.received.get()).values,
    ...(await metrics.refused.get()).values.filter(({ labels }) => labels.reason !== "unauthenticated"),
    ...(await metrics.outcomes.get()).values.filter(({ labels }) => labels.status === "rejected"),
  ];
  return counted.reduce((sum, { value }) => sum + value, 0);
}

async function showAnswer(
  { platform, output }: Run,
  steps: readonly (readonly [string, number])[],
): Promise<void> {
  const warehouse = await platform.warehouse();
  const columns = imageCountNames.map((name) => `images_${name}`);
  const { rows } = await warehouse.query(
    `select customer_name, image_type_name, ${columns.join(", ")}
     from \`${warehouse.project}.reporting.rpt_images_by_type\` order by customer_name, image_type_name`,
  );
  output.line();
  output.table(
    ["customer", "type", ...imageCountNames],
    rows.map((row) => [
      String(row.customer_name),
      String(row.image_type_name),
      ...columns.map((name) => Number(row[name])),
    ]),
  );
  output.line();
  output.table(["step", "seconds"], steps);
}

/** Whether every picture is answered for, in a sentence. */
function explain({ output }: Run, sent: Sent, counts: ImageCounts): boolean {
  const { accepted, refused } = sent.byHttp;
  const expected = accepted + refused + sent.byStream;
  const isComplete = counts.received === expected && counts.processed === sent.sound && counts.pending === 0;
  output.line();
  output.line(
    `This time ${expected} pictures came in (${accepted + refused} by HTTP, ${sent.byStream} by the stream; ${sent.byHttp["turned away"]} more had no valid key): ` +
      `${counts.processed} processed, ${counts.rejected} rejected, ${counts.failed} failed, ${counts.pending} pending.`,
  );
  if (!isComplete)
    output.note(`expected ${expected} received and ${sent.sound} processed: something is not answered for`);
  return isComplete;
}

function difference(after: ImageCounts, before: ImageCounts): ImageCounts {
  return imageCounts((name) => after[name] - before[name]);
}
