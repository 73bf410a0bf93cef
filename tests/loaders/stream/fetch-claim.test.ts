import { describe, expect, it } from "@jest/globals";
import { sha256 } from "../../../core/ids.ts";
import type { Claim } from "../../../loaders/stream/claim.ts";
import {
  type ClaimReaderOptions,
  claimReader,
  type ReadBucket,
} from "../../../loaders/stream/fetch-claim.ts";

const image = Buffer.from("an image");
const claim = (more: Partial<Claim> = {}): Claim => ({
  uri: "gs://pictures/a.jpg",
  customerId: undefined,
  fileName: undefined,
  contentType: undefined,
  sha256: undefined,
  sizeBytes: undefined,
  ...more,
});

const readBucket: ReadBucket = async (bucket, key, maxBytes) =>
  bucket === "pictures" && key === "a.jpg" ? image.subarray(0, maxBytes) : undefined;

function reader(options: Partial<ClaimReaderOptions> = {}) {
  const read = claimReader({ sources: ["gs://pictures"], maxImageBytes: 100, readBucket, ...options });
  return (one: Claim) => read(one, async (bytes) => Buffer.from(bytes));
}

describe("claims of objects", () => {
  it("are fetched, and are what the claim says", async () => {
    expect(await reader()(claim())).toEqual(image);
    expect(await reader()(claim({ sha256: sha256(image), sizeBytes: image.length }))).toEqual(image);
  });

  it.each([
    ["claim_not_found", { uri: "gs://pictures/b.jpg" }, {}],
    ["claim_not_allowed", { uri: "gs://others/a.jpg" }, {}],
    ["claim_not_allowed", {}, { readBucket: undefined }],
    ["claim_differs", { sha256: sha256("another") }, {}],
    ["claim_differs", { sizeBytes: image.length + 1 }, {}],
    ["claim_differs", { sizeBytes: image.length - 1 }, {}],
    ["claim_too_large", {}, { maxImageBytes: image.length - 1 }],
    ["claim_too_large", { sizeBytes: 101 }, {}],
  ])("are refused with %s for %j", async (reason, more, options) => {
    const { readBucket: given = readBucket, ...rest } = options as Partial<ClaimReaderOptions>;
    const isWithout = "readBucket" in options;
    const read = claimReader({
      sources: ["gs://pictures"],
      maxImageBytes: 100,
      ...rest,
      ...(isWithout ? {} : { readBucket: given }),
    });
    await expect(read(claim(more), async () => undefined)).rejects.toMatchObject({ reason });
  });

  it("of just the largest size are not too large", async () => {
    expect(await reader({ maxImageBytes: image.length })(claim())).toEqual(image);
  });

  it("are not asked for beyond what may come", async () => {
    const asked: number[] = [];
    const counting: ReadBucket = async (_bucket, _key, maxBytes) => {
      asked.push(maxBytes);
      return image;
    };
    await reader({ readBucket: counting })(claim());
    await reader({ readBucket: counting })(claim({ sizeBytes: image.length }));
    expect(asked).toEqual([101, image.length + 1]);
  });
});

describe("the budget of claims", () => {
  /** How many images were in memory at most, while each stays for a moment. */
  async function mostHeld(claims: readonly Claim[], options: Partial<ClaimReaderOptions>): Promise<number> {
    let held = 0;
    let most = 0;
    const read = claimReader({ sources: ["gs://pictures"], maxImageBytes: 100, readBucket, ...options });
    const use = async () => {
      held += 1;
      most = Math.max(most, held);
      await new Promise((resolve) => setTimeout(resolve, 10));
      held -= 1;
    };
    await Promise.all(claims.map((one) => read(one, use)));
    return most;
  }
  const ten = Array.from({ length: 10 });

  it("counts a claim without a size as the largest image", async () => {
    expect(
      await mostHeld(
        ten.map(() => claim()),
        { maxHeldBytes: 350 },
      ),
    ).toBe(3);
  });

  it("counts a claim with a size as what it says", async () => {
    const sized = ten.map(() => claim({ sizeBytes: image.length }));
    expect(await mostHeld(sized, { maxHeldBytes: 4 * image.length, maxImageBytes: 10 })).toBe(4);
  });

  it("lets one largest image in, however small it is", async () => {
    expect(
      await mostHeld(
        ten.map(() => claim()),
        { maxHeldBytes: 1 },
      ),
    ).toBe(1);
  });

  it("is given back when fetching or using fails", async () => {
    const read = claimReader({
      sources: ["gs://pictures"],
      maxImageBytes: 100,
      maxHeldBytes: 100,
      readBucket,
    });
    const failing = async () => Promise.reject(new TypeError("no room"));
    await expect(read(claim(), failing)).rejects.toThrow("no room");
    await expect(read(claim({ uri: "gs://pictures/b" }), failing)).rejects.toMatchObject({
      reason: "claim_not_found",
    });
    expect(await read(claim(), async () => "used")).toBe("used");
  });
});
