/** Stacked bars as SVG, drawn by ECharts on the server; colours are the style sheet's, so one drawing fits light and dark. */

import { BarChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Bars } from "./bars.ts";
import { type Html, trusted } from "./html.ts";
import { countText } from "./values.ts";

use([BarChart, GridComponent, SVGRenderer]);

export interface Size {
  readonly widthPx: number;
  /** Room for names at the left. */
  readonly namesPx: number;
}

const barPx = 30;
const axisPx = 26;
/** ECharts guesses how wide a text is, for the font is the reader's: names are cut earlier than the room would ask for. */
const nameShare = 0.8;
const font = "system-ui, sans-serif";
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** The drawing alone; what it says must stand beside it as text. */
export function barsSvg(bars: Bars, size: Size): Html {
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: size.widthPx,
    height: bars.bars.length * barPx + axisPx,
  });
  try {
    chart.setOption(optionOf(bars, size));
    return trusted(withoutStyles(chart.renderToSVGString()));
  } finally {
    // A chart that is not disposed of keeps a timer.
    chart.dispose();
  }
}

function optionOf({ bars, parts }: Bars, { widthPx, namesPx }: Size) {
  const muted = { color: "var(--muted)", fontFamily: font, fontSize: 12 };
  const ink = { color: "var(--ink)", fontFamily: font, fontSize: 13 };
  const last = parts.length - 1;
  return {
    animation: false,
    grid: { left: namesPx, right: 64, top: 0, bottom: axisPx },
    xAxis: {
      type: "value" as const,
      minInterval: 1,
      // The longest bar takes the whole width, so that the parts of short ones can be seen.
      max: "dataMax",
      splitNumber: widthPx < 500 ? 2 : 5,
      splitLine: { lineStyle: { color: "var(--rule)" } },
      axisLabel: {
        ...muted,
        hideOverlap: true,
        showMaxLabel: false,
        formatter: (value: number) => compact.format(value),
      },
    },
    yAxis: {
      type: "category" as const,
      inverse: true,
      data: bars.map(({ name }) => name),
      axisLine: { lineStyle: { color: "var(--rule)" } },
      axisTick: { show: false },
      axisLabel: {
        ...ink,
        interval: 0,
        width: namesPx * nameShare,
        overflow: "truncate" as const,
        ellipsis: "…",
      },
    },
    series: parts.map(({ tone, values }, index) => ({
      type: "bar" as const,
      stack: "all",
      silent: true,
      barWidth: 18,
      data: [...values],
      itemStyle: { color: `var(--${tone})` },
      // The last part's label stands at the bar's end, so it tells the bar's total.
      label: {
        ...ink,
        show: index === last,
        position: "right" as const,
        formatter: ({ dataIndex }: { readonly dataIndex: number }) => countText(bars[dataIndex]?.total),
      },
    })),
  };
}

/**
 * The page's Content-Security-Policy allows no styles inside it: the drawing's style sheet (pointers only) is left out, and its
 * style attributes become attributes of their own. Names cannot look like either, since ECharts escapes < and ".
 */
function withoutStyles(svg: string): string {
  return svg
    .replaceAll(/<style[^>]*>[\s\S]*?<\/style>/g, "")
    .replaceAll(/ (?:class|ecmeta_\w+|pointer-events)="[^"]*"/g, "")
    .replaceAll(/ style="([^"]*)"/g, (_, style: string) =>
      style
        .split(";")
        .filter((declaration) => declaration.includes(":"))
        .map((declaration) => {
          const colon = declaration.indexOf(":");
          return ` ${declaration.slice(0, colon)}="${declaration.slice(colon + 1)}"`;
        })
        .join(""),
    )
    .replace("<svg ", '<svg aria-hidden="true" focusable="false" ');
}
