/** A lake in memory that hands out links, for tests of what is built on them. */

import type { Lake, LakeLinks, UploadOptions } from "../lake/lake.ts";
import { memoryLake } from "../lake/memory.ts";

export interface LinkedLake extends Lake, LakeLinks {
  /** Does what a sender does with the address of an upload. */
  put(url: string, bytes: Buffer): Promise<void>;
}

export function linkedLake(announce: (key: string) => Promise<void> = async () => {}): LinkedLake {
  const lake = memoryLake({ announce });
  const opened = new Map<string, { readonly key: string; readonly options: UploadOptions }>();
  return {
    ...lake,
    readUrl: async (key, { expiresInMs }) => `https://lake.test/${key}?for=${expiresInMs}`,
    async openUpload(key, options) {
      const url = `https://lake.test/session/${opened.size}`;
      opened.set(url, { key, options });
      return { url };
    },
    async put(url, bytes) {
      const upload = opened.get(url);
      if (upload === undefined || bytes.length !== upload.options.sizeBytes)
        throw new RangeError(`${url} does not take ${bytes.length} bytes`);
      await lake.create(upload.key, bytes, upload.options.metadata);
    },
  };
}
