import { describe, expect, it } from "@jest/globals";
import { fetchGate } from "../../../loaders/stream/fetch-gate.ts";

function gateOf(partitions: readonly number[], limits: { maxHeldBytes: number; maxWaitingBytes: number }) {
  const said: string[] = [];
  const setPaused = (partition: number, isPaused: boolean) =>
    void said.push(`${isPaused ? "-" : "+"}${partition}`);
  return { said, gate: fetchGate(partitions, { ...limits, setPaused }) };
}

describe("the gate of fetches", () => {
  it("stops a partition of which enough waits, and fetches it again when that is handed out", () => {
    const { said, gate } = gateOf([0, 1], { maxHeldBytes: 1_000, maxWaitingBytes: 100 });
    gate.fetched(0, 60);
    gate.fetched(0, 60);
    gate.fetched(1, 60);
    gate.handedOut(0, 10);
    gate.handedOut(0, 20);
    gate.handedOut(0, 30);
    expect(said).toEqual(["-0", "+0"]);
  });

  it("stops all partitions while too much is held, wherever it is on its way", () => {
    const { said, gate } = gateOf([0, 1, 2], { maxHeldBytes: 100, maxWaitingBytes: 1_000 });
    gate.fetched(0, 60);
    gate.handedOut(0, 60);
    gate.fetched(1, 40);
    gate.handedOut(1, 40);
    expect(said).toEqual(["-0", "-1", "-2"]);
    gate.released(1);
    expect(said.slice(3)).toEqual(["+0", "+1", "+2"]);
  });

  it("leaves a partition stopped that has enough waiting when the others go on", () => {
    const { said, gate } = gateOf([0, 1], { maxHeldBytes: 100, maxWaitingBytes: 50 });
    gate.fetched(1, 40);
    gate.handedOut(1, 40);
    gate.fetched(0, 60);
    gate.released(40);
    expect(said).toEqual(["-0", "-1", "+1"]);
  });

  it("lets one message in that is larger than everything, and goes on after it", () => {
    const { said, gate } = gateOf([0], { maxHeldBytes: 10, maxWaitingBytes: 10 });
    gate.fetched(0, 500);
    gate.handedOut(0, 500);
    gate.released(500);
    expect(said).toEqual(["-0", "+0"]);
  });
});
