/** Fingerprint64 of FarmHash, which FARM_FINGERPRINT answers as INT64: github.com/google/farmhash, namespace farmhashna. */

const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, by: bigint): bigint => u64((value >> by) | (value << (64n - by)));
const shiftMix = (value: bigint): bigint => value ^ (value >> 47n);

/** The fingerprint of bytes as a signed 64 bit number. */
export function farmFingerprint(bytes: Buffer): bigint {
  return BigInt.asIntN(64, hash(bytes));
}

function hash(bytes: Buffer): bigint {
  if (bytes.length <= 16) return hashTo16(bytes);
  if (bytes.length <= 32) return hashTo32(bytes);
  return bytes.length <= 64 ? hashTo64(bytes) : hashLong(bytes);
}

function mix(u: bigint, v: bigint, mul: bigint): bigint {
  const a = shiftMix(u64((u ^ v) * mul));
  const b = shiftMix(u64((v ^ a) * mul));
  return u64(b * mul);
}

const multiplier = (bytes: Buffer): bigint => u64(K2 + BigInt(bytes.length) * 2n);

function hashTo16(bytes: Buffer): bigint {
  const length = bytes.length;
  const mul = multiplier(bytes);
  if (length >= 8) {
    const a = u64(bytes.readBigUInt64LE(0) + K2);
    const b = bytes.readBigUInt64LE(length - 8);
    return mix(u64(rotate(b, 37n) * mul + a), u64((rotate(a, 25n) + b) * mul), mul);
  }
  if (length >= 4) {
    const a = BigInt(bytes.readUInt32LE(0));
    return mix(BigInt(length) + (a << 3n), BigInt(bytes.readUInt32LE(length - 4)), mul);
  }
  if (length === 0) return K2;
  const y = BigInt(bytes.readUInt8(0) + (bytes.readUInt8(length >> 1) << 8));
  const z = BigInt(length + (bytes.readUInt8(length - 1) << 2));
  return u64(shiftMix(u64(y * K2) ^ u64(z * K0)) * K2);
}

function hashTo32(bytes: Buffer): bigint {
  const mul = multiplier(bytes);
  const a = u64(bytes.readBigUInt64LE(0) * K1);
  const b = bytes.readBigUInt64LE(8);
  const c = u64(bytes.readBigUInt64LE(bytes.length - 8) * mul);
  const d = u64(bytes.readBigUInt64LE(bytes.length - 16) * K2);
  const left = rotate(u64(a + b), 43n) + rotate(c, 30n) + d;
  return mix(u64(left), u64(a + rotate(u64(b + K2), 18n) + c), mul);
}

function hashTo64(bytes: Buffer): bigint {
  const length = bytes.length;
  const mul = multiplier(bytes);
  const a = u64(bytes.readBigUInt64LE(0) * K2);
  const b = bytes.readBigUInt64LE(8);
  const c = u64(bytes.readBigUInt64LE(length - 8) * mul);
  const d = u64(bytes.readBigUInt64LE(length - 16) * K2);
  const y = u64(rotate(u64(a + b), 43n) + rotate(c, 30n) + d);
  const z = mix(y, u64(a + rotate(u64(b + K2), 18n) + c), mul);
  const e = u64(bytes.readBigUInt64LE(16) * mul);
  const f = bytes.readBigUInt64LE(24);
  const g = u64((y + bytes.readBigUInt64LE(length - 32)) * mul);
  const h = u64((z + bytes.readBigUInt64LE(length - 24)) * mul);
  return mix(u64(rotate(u64(e + f), 43n) + rotate(g, 30n) + h), u64(e + rotate(u64(f + a), 18n) + g), mul);
}

type Pair = readonly [bigint, bigint];

/** Mixes 32 bytes with two seeds. */
function weak(bytes: Buffer, at: number, seedA: bigint, seedB: bigint): Pair {
  const z = bytes.readBigUInt64LE(at + 24);
  const first = u64(seedA + bytes.readBigUInt64LE(at));
  const turned = rotate(u64(seedB + first + z), 21n);
  const a = u64(first + bytes.readBigUInt64LE(at + 8) + bytes.readBigUInt64LE(at + 16));
  return [u64(a + z), u64(turned + rotate(a, 44n) + first)];
}

interface State {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
  readonly v: Pair;
  readonly w: Pair;
}

/** One round over 64 bytes; the last one multiplies by 9 where the others multiply by 1. */
function round(state: State, bytes: Buffer, at: number, mul: bigint, nine: bigint): State {
  const { v, w } = state;
  const word = (offset: number): bigint => bytes.readBigUInt64LE(at + offset);
  const x = u64(rotate(u64(state.x + state.y + v[0] + word(8)), 37n) * mul) ^ u64(w[1] * nine);
  const y = u64(u64(rotate(u64(state.y + v[1] + word(48)), 42n) * mul) + v[0] * nine + word(40));
  const z = u64(rotate(u64(state.z + w[0]), 33n) * mul);
  const nextV = weak(bytes, at, u64(v[1] * mul), u64(x + w[0]));
  const nextW = weak(bytes, at + 32, u64(z + w[1]), u64(y + word(16)));
  return { x: z, y, z: x, v: nextV, w: nextW };
}

function hashLong(bytes: Buffer): bigint {
  const rest = (bytes.length - 1) & 63;
  const end = bytes.length - 1 - rest;
  const y = u64(81n * K1 + 113n);
  const z = u64(shiftMix(u64(y * K2 + 113n)) * K2);
  let state: State = { x: u64(81n * K2 + bytes.readBigUInt64LE(0)), y, z, v: [0n, 0n], w: [0n, 0n] };
  for (let at = 0; at !== end; at += 64) state = round(state, bytes, at, K1, 1n);
  const mul = u64(K1 + ((state.z & 0xffn) << 1n));
  const w0 = u64(state.w[0] + BigInt(rest));
  const v0 = u64(state.v[0] + w0);
  const seeded: State = { ...state, v: [v0, state.v[1]], w: [u64(w0 + v0), state.w[1]] };
  const last = round(seeded, bytes, end + rest - 63, mul, 9n);
  const left = u64(mix(last.v[0], last.w[0], mul) + shiftMix(last.y) * K0 + last.z);
  return mix(left, u64(mix(last.v[1], last.w[1], mul) + last.x), mul);
}
