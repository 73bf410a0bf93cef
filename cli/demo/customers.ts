/** The customers of the demo: invented names, some much busier than others. */

import type { Customer } from "../../loaders/customers/customers.ts";
import type { Random } from "./random.ts";

const names = [
  ["aurora", "Aurora Prints", "studio", "NO"],
  ["birch", "Birch & Daughters", "studio", "FI"],
  ["cobalt", "Cobalt Real Estate", "business", "SG"],
  ["dune", "Dune Travel", "business", "AE"],
  ["ember", "Ember Kitchens", "starter", "IT"],
  ["fjord", "Fjord Outdoor", "business", "NO"],
  ["grove", "Grove Nursery", "starter", "NL"],
  ["harbour", "Harbour Museum", "studio", "PT"],
] as const;

/** So many customers; beyond the named ones they are numbered. */
export function demoCustomers(count: number): readonly Customer[] {
  return Array.from({ length: count }, (_, index) => {
    const [id, name, plan, country] = names[index] ?? [
      `customer-${index + 1}`,
      `Customer ${index + 1}`,
      "starter",
      "SG",
    ];
    return { customer_id: id, name, plan, country, is_active: true };
  });
}

/** A customer by Zipf's law: the first sends most. */
export function busyCustomer(customers: readonly Customer[], random: Random): Customer | undefined {
  const weights = customers.map((_, index) => 1 / (index + 1));
  let point = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => {
    point -= weight;
    return point < 0;
  });
  return customers[Math.max(0, index)];
}
