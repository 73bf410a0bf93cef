/** Says of each figure whether it is what is wanted; one that is not makes the exit code 1. */

export function judge(text: string, isMet: boolean): void {
  console.log(`${isMet ? "PASS " : "short"} ${text}`);
  if (!isMet) process.exitCode = 1;
}
