#!/usr/bin/env node
/**
 * The `darkroom` command. CommonJS, because the size of Node's thread pool is read when the pool is first used, and loading
 * an ES module uses it: pictures and files share that pool, and its default of 4 lets one starve the other.
 */
process.env.UV_THREADPOOL_SIZE ??= "16";
import("tsx/esm/api")
  .then(({ register }) => register())
  .then(() => import("./main.ts"))
  .then((program) => program.main(process.argv));
