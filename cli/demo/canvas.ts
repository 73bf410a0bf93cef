/** Just enough drawing for the demo's pictures: a canvas of pixels, scenes out of gradients, shapes and bars. */

import type { Random } from "./random.ts";

export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** RGB, a byte each, row by row. */
  readonly pixels: Buffer;
}

export type Colour = readonly [red: number, green: number, blue: number];
type Paint = (x: number, y: number) => Colour | undefined;

export type Scene = "photograph" | "drawing" | "screenshot";

/** A picture of the kind, different for each state of `random`. */
export function drawScene(scene: Scene, width: number, height: number, random: Random): Canvas {
  const canvas = { width, height, pixels: Buffer.alloc(width * height * 3) };
  scenes[scene](canvas, random);
  return canvas;
}

const scenes: Readonly<Record<Scene, (canvas: Canvas, random: Random) => void>> = {
  photograph: drawLandscape,
  drawing: drawShapes,
  screenshot: drawWindow,
};

/** Sky, a sun, ridges one behind the other, and the grain of a sensor. */
function drawLandscape(canvas: Canvas, random: Random): void {
  const { width, height } = canvas;
  const [top, bottom] = [anyColour(random, 60, 160), anyColour(random, 150, 250)];
  fill(canvas, (_x, y) => mix(top, bottom, y / height));
  const sun = { x: random.next() * width, y: height * (0.1 + random.next() * 0.3), radius: height / 12 };
  fill(canvas, inDisc(sun, [255, 244, 214]));
  for (let ridge = 0; ridge < 4; ridge++) {
    const base = height * (0.45 + ridge * 0.14);
    const waves = [1, 2.3, 5.1].map((rate) => ({
      rate,
      phase: random.next() * 6.3,
      size: height / (14 * rate),
    }));
    const edge = Float64Array.from({ length: width }, (_, x) =>
      waves.reduce((y, { rate, phase, size }) => y + Math.sin((x / width) * 6.3 * rate + phase) * size, base),
    );
    const colour = mix(anyColour(random, 20, 120), bottom, 0.4 - ridge * 0.12);
    fill(canvas, (x, y) => (y > (edge[x] ?? height) ? colour : undefined));
  }
  for (let index = 0; index < canvas.pixels.length; index++) {
    const noisy = (canvas.pixels[index] ?? 0) + (random.next() - 0.5) * 14;
    canvas.pixels[index] = Math.max(0, Math.min(255, noisy));
  }
}

/** Flat discs and blocks on paper. */
function drawShapes(canvas: Canvas, random: Random): void {
  const { width, height } = canvas;
  fill(canvas, () => [250, 247, 240]);
  for (let shape = random.whole(6, 14); shape > 0; shape--) {
    const [x, y] = [random.next() * width, random.next() * height];
    const size = (0.06 + random.next() * 0.16) * Math.min(width, height);
    const colour = anyColour(random, 20, 235);
    if (random.next() < 0.5) fill(canvas, inDisc({ x, y, radius: size }, colour));
    else fillBlock(canvas, x, y, size * 2, size * (0.5 + random.next()), colour);
  }
}

/** A window: a title bar, a side bar, and bars for lines of text. */
function drawWindow(canvas: Canvas, random: Random): void {
  const { width, height } = canvas;
  const accent = anyColour(random, 40, 180);
  fill(canvas, () => [246, 247, 249]);
  fillBlock(canvas, 0, 0, width, height * 0.07, accent);
  fillBlock(canvas, 0, height * 0.07, width * 0.2, height, [228, 231, 236]);
  const line = Math.max(8, Math.round(height / 40));
  for (let y = height * 0.12; y < height - line; y += line * 1.7) {
    const indent = random.whole(0, 2) * line;
    fillBlock(
      canvas,
      width * 0.23 + indent,
      y,
      width * (0.15 + random.next() * 0.5),
      line * 0.55,
      [70, 74, 82],
    );
    if (random.next() < 0.5) fillBlock(canvas, width * 0.02, y, width * 0.14, line * 0.55, [130, 136, 148]);
  }
}

function fill({ width, height, pixels }: Canvas, paint: Paint): void {
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const colour = paint(x, y);
      if (colour !== undefined) pixels.set(colour, at);
    }
  }
}

function fillBlock(
  canvas: Canvas,
  left: number,
  top: number,
  width: number,
  height: number,
  colour: Colour,
): void {
  const endX = Math.min(canvas.width, Math.round(left + width));
  const endY = Math.min(canvas.height, Math.round(top + height));
  for (let y = Math.max(0, Math.round(top)); y < endY; y++) {
    for (let x = Math.max(0, Math.round(left)); x < endX; x++)
      canvas.pixels.set(colour, (y * canvas.width + x) * 3);
  }
}

function inDisc(
  disc: { readonly x: number; readonly y: number; readonly radius: number },
  colour: Colour,
): Paint {
  return (x, y) => ((x - disc.x) ** 2 + (y - disc.y) ** 2 < disc.radius ** 2 ? colour : undefined);
}

function anyColour(random: Random, least: number, most: number): Colour {
  return [random.whole(least, most), random.whole(least, most), random.whole(least, most)];
}

function mix(left: Colour, right: Colour, share: number): Colour {
  const at = (index: 0 | 1 | 2) => clamp(left[index] + (right[index] - left[index]) * share);
  return [at(0), at(1), at(2)];
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
