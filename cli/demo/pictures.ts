/** The pictures that the demo sends: several kinds, formats, sizes and orientations, and a few that must be refused. */

import sharp from "sharp";
import { drawScene, type Scene } from "./canvas.ts";
import type { Random } from "./random.ts";

export interface DemoPicture {
  readonly fileName: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** False for what darkroom must refuse, at the door or when it is processed. */
  readonly isSound: boolean;
}

type Encoder = "jpeg" | "png" | "webp" | "gif" | "tiff";

const formats: Readonly<Record<Scene, readonly [Encoder, ...Encoder[]]>> = {
  photograph: ["jpeg", "jpeg", "jpeg", "webp", "tiff"],
  drawing: ["png", "webp", "gif"],
  screenshot: ["png", "png", "jpeg"],
};

/** Longer edge in pixels; phones and screens are commoner than posters. */
const edges = [480, 640, 800, 1024, 1280] as const;

/** A picture's edge over its sketch's. */
const sketchScale = 4;

/** Every so many pictures one is not sound. */
const faultEvery = 13;

type Fault = (sound: DemoPicture, maxImageBytes: number) => Pick<DemoPicture, "bytes"> & Partial<DemoPicture>;

/** In turn: each demo of 100 pictures or more shows every one of them. */
const faults: readonly Fault[] = [
  ({ bytes }) => ({ bytes: bytes.subarray(0, Math.floor(bytes.length * 0.4)) }),
  () => ({ bytes: Buffer.from("this is a text and no picture\n"), fileName: "notes.jpg" }),
  () => ({ bytes: giantPng(), fileName: "poster.png", mediaType: "image/png" }),
  () => ({ bytes: Buffer.alloc(0) }),
  (_sound, most) => ({ bytes: Buffer.alloc(most + 1, 0x20), fileName: "video.jpg" }),
  () => ({
    bytes: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    fileName: "logo.svg",
    mediaType: "image/svg+xml",
  }),
];

/** The picture with this number. */
export async function makePicture(
  number: number,
  random: Random,
  maxImageBytes: number,
): Promise<DemoPicture> {
  const sound = await makeSound(number, random);
  if (number % faultEvery !== faultEvery - 1) return sound;
  const fault = faults[Math.floor(number / faultEvery) % faults.length];
  return fault === undefined ? sound : { ...sound, ...fault(sound, maxImageBytes), isSound: false };
}

async function makeSound(number: number, random: Random): Promise<DemoPicture> {
  const scene = random.pick<Scene>(["photograph", "photograph", "photograph", "drawing", "screenshot"]);
  const format = random.pick(formats[scene]);
  const edge = random.pick(edges);
  const shorter = Math.round(edge * random.pick([0.5625, 0.75, 1]));
  const [width, height] = scene !== "screenshot" && random.next() < 0.3 ? [shorter, edge] : [edge, shorter];
  // Drawn small and enlarged: a pixel at a time is slow in JavaScript.
  const sketch = drawScene(scene, Math.ceil(width / sketchScale), Math.ceil(height / sketchScale), random);
  const raw = { width: sketch.width, height: sketch.height, channels: 3 } as const;
  const enlarged = sharp(sketch.pixels, { raw }).resize(width, height, { fit: "fill" });
  const turned = format === "jpeg" ? enlarged.withMetadata({ orientation: random.whole(1, 8) }) : enlarged;
  const options = format === "tiff" ? { compression: "lzw" as const } : {};
  return {
    fileName: `${scene}-${String(number).padStart(4, "0")}.${format}`,
    mediaType: `image/${format}`,
    bytes: await turned.toFormat(format, options).toBuffer(),
    isSound: true,
  };
}

/** A PNG whose header (PNG specification, 11.2.2) claims 100,000 × 100,000 pixels and that holds none. */
function giantPng(): Buffer {
  const header = Buffer.alloc(25);
  header.writeUInt32BE(13, 0);
  header.write("IHDR", 4, "latin1");
  header.writeUInt32BE(100_000, 8);
  header.writeUInt32BE(100_000, 12);
  header.set([8, 2, 0, 0, 0], 16);
  header.writeUInt32BE(crc32(header.subarray(4, 21)), 21);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), header]);
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
