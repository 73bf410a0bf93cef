/** `darkroom customers`: who may send images, and their keys. */

import { Command } from "commander";
import { readCustomers } from "../../loaders/customers/import.ts";
import { command, execute } from "../command.ts";
import { ensureCustomer } from "./ingest.ts";

interface Options {
  readonly json?: boolean;
}

export function customersCommand(): Command {
  // Not command(): an option of the group would take --json away from the commands in it.
  return new Command("customers")
    .description("add, list and give keys to customers")
    .exitOverride()
    .addCommand(importCommand())
    .addCommand(listCommand())
    .addCommand(keyCommand());
}

function importCommand(): Command {
  return command(
    "import",
    "add or change the customers of a file; customers it does not name stay as they are",
  )
    .argument("<file>", "CSV with a header, JSON or NDJSON: customer_id, name, plan, country, is_active")
    .action((file: string, options: Options) =>
      execute(options, async ({ platform, output }) => {
        const customers = await readCustomers(file);
        await platform.customers.upsert(customers);
        output.line(`${customers.length} customers imported.`);
        output.json({ imported: customers.length });
        return true;
      }),
    );
}

function listCommand(): Command {
  return command("list", "show all customers").action((options: Options) =>
    execute(options, async ({ platform, output }) => {
      const customers = await platform.customers.list();
      output.table(
        ["customer_id", "name", "plan", "country", "is_active"],
        customers.map((one) => [
          one.customer_id,
          one.name,
          one.plan,
          one.country,
          one.is_active ? "yes" : "no",
        ]),
      );
      output.json({ customers });
      return true;
    }),
  );
}

function keyCommand(): Command {
  return command(
    "key",
    "make a new API key for a customer and print it once; a new id becomes a new customer",
  )
    .argument("<id>", "the customer")
    .action((id: string, options: Options) =>
      execute(options, async ({ platform, output }) => {
        if (await ensureCustomer(platform, id)) output.note(`customer ${id} is new`);
        const apiKey = await platform.customers.issueKey(id);
        output.note("Keep this key now: only its hash is stored.");
        if (!output.isJson) output.line(apiKey);
        output.json({ customer_id: id, api_key: apiKey });
        return true;
      }),
    );
}
