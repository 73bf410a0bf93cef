import { memoryLake } from "../../lake/memory.ts";
import { memoryArrivals } from "../../lake/memory-arrivals.ts";
import { arrivalsConformance } from "../conformance/arrivals.ts";
import { lakeConformance } from "../conformance/lake.ts";

lakeConformance("memory", async (setup) => memoryLake(setup));

arrivalsConformance("memory", async () => {
  const arrivals = memoryArrivals();
  const lake = memoryLake({ announce: arrivals.announce });
  const restarted = async () => {
    arrivals.forgetDeliveries();
    return arrivals;
  };
  return { lake, arrivals, restarted };
});
