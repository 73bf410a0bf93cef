/** The report, as data: which views it reads and what it shows of them. Every way of showing it starts here. */

/** A reporting view; a tile names it by its alias. */
export interface Source {
  /** Letters, digits and underscores: Looker Studio's links use it as a part of a parameter's name. */
  readonly alias: string;
  readonly dataset: string;
  readonly table: string;
  /** Says the grain, for people. */
  readonly description: string;
  /** Columns that are read. */
  readonly columns: readonly string[];
  /** The body of `order by`: columns of the view only. */
  readonly orderBy: string;
}

/** What a colour means; the style sheet decides how each looks in light and in dark. */
export type Tone = "processed" | "rejected" | "failed" | "pending" | "plain";

/** A number column and what people call it. */
export interface Measure {
  readonly column: string;
  readonly label: string;
  readonly tone: Tone;
}

interface TileBase {
  /** Kebab-case: the id of the element on the page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Alias of a source. */
  readonly source: string;
}

/** Sums of whole columns; what they mean is told by each one's share of `of`. */
export interface NumbersTile extends TileBase {
  readonly kind: "numbers";
  readonly of: string;
  readonly measures: readonly Measure[];
}

/** One bar a category, split by several measures or by the members of another column. */
export interface BarsTile extends TileBase {
  readonly kind: "bars";
  readonly category: string;
  readonly stack:
    | { readonly by: "measures"; readonly measures: readonly Measure[] }
    | { readonly by: "column"; readonly column: string; readonly measure: string };
  /** What one bar and one part of it are called, in the plural. */
  readonly categories: string;
  readonly parts: string;
}

export interface TableColumn {
  readonly column: string;
  readonly label: string;
  readonly show: "text" | "count" | "bytes" | "time";
}

/** Rows as they are: the readable twin of a chart of the same source. */
export interface TableTile extends TileBase {
  readonly kind: "table";
  readonly columns: readonly TableColumn[];
}

export type Tile = NumbersTile | BarsTile | TableTile;

export interface Report {
  readonly title: string;
  readonly sources: readonly Source[];
  readonly tiles: readonly Tile[];
}

const outcomes: readonly Measure[] = [
  { column: "images_processed", label: "processed", tone: "processed" },
  { column: "images_rejected", label: "rejected", tone: "rejected" },
  { column: "images_failed", label: "failed", tone: "failed" },
  { column: "images_pending", label: "pending", tone: "pending" },
];

const counts: readonly Measure[] = [
  { column: "images_received", label: "received", tone: "plain" },
  ...outcomes,
];

const countNames = counts.map(({ column }) => column);

const countColumns: readonly TableColumn[] = counts.map(({ column, label }) => ({
  column,
  label,
  show: "count",
}));

const byteColumns: readonly TableColumn[] = [
  { column: "original_bytes", label: "originals", show: "bytes" },
  { column: "rendition_bytes", label: "renditions", show: "bytes" },
];

/** The report of images: how many there are, for whom, and of which type. */
export const report: Report = {
  title: "Images by customer and type",
  sources: [
    {
      alias: "images_by_customer",
      dataset: "reporting",
      table: "rpt_images_by_customer",
      description: "Images by customer",
      columns: [
        "customer_id",
        "customer_name",
        ...countNames,
        "original_bytes",
        "rendition_bytes",
        "last_received_at",
      ],
      orderBy: "images_received desc, customer_id",
    },
    {
      alias: "images_by_type",
      dataset: "reporting",
      table: "rpt_images_by_type",
      description: "Images by type and customer",
      columns: [
        "image_type",
        "image_type_name",
        "customer_id",
        "customer_name",
        ...countNames,
        "original_bytes",
        "rendition_bytes",
      ],
      orderBy: "image_type_name, images_received desc, customer_id",
    },
  ],
  tiles: [
    {
      kind: "numbers",
      id: "all-images",
      title: "All images",
      description: "Everything that was sent, and what became of it.",
      source: "images_by_customer",
      of: "images_received",
      measures: counts,
    },
    {
      kind: "bars",
      id: "by-customer",
      title: "By customer",
      description: "Images of each customer, by what became of them.",
      source: "images_by_customer",
      category: "customer_name",
      stack: { by: "measures", measures: outcomes },
      categories: "customers",
      parts: "outcomes",
    },
    {
      kind: "table",
      id: "by-customer-table",
      title: "By customer, in numbers",
      description: "One row per customer that sent anything.",
      source: "images_by_customer",
      columns: [
        { column: "customer_name", label: "customer", show: "text" },
        ...countColumns,
        ...byteColumns,
        { column: "last_received_at", label: "latest image", show: "time" },
      ],
    },
    {
      kind: "bars",
      id: "by-type",
      title: "By type",
      description: "Images of each type by content, by the customer who sent them.",
      source: "images_by_type",
      category: "image_type_name",
      stack: { by: "column", column: "customer_name", measure: "images_received" },
      categories: "types",
      parts: "customers",
    },
    {
      kind: "table",
      id: "by-type-table",
      title: "By type and customer, in numbers",
      description: "One row per image type and customer that sent any of it.",
      source: "images_by_type",
      columns: [
        { column: "image_type_name", label: "type", show: "text" },
        { column: "customer_name", label: "customer", show: "text" },
        ...countColumns,
        ...byteColumns,
      ],
    },
  ],
};
