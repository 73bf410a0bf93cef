// The raw tables, declared from the same list that creates them.
for (const table of tables.tables) {
  declare({
    schema: "raw",
    name: table.name,
    description: table.description,
    columns: tables.columnTexts([...table.columns, ...tables.technicalColumns]),
  });
}
