/** Figures that people compare, as bars in an SVG that needs nothing else. */

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly highlighted: boolean;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 820;
const LABEL_WIDTH = 290;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 20;
const BAR_STEP = 28;
const TITLE_HEIGHT = 34;

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function formatValue(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

function drawGroup(group: BarGroup, top: number): string {
  const longest = Math.max(...group.bars.map((bar) => bar.value));
  const rows = group.bars.map((bar, index) => {
    const y = top + TITLE_HEIGHT + index * BAR_STEP;
    const width = Math.max(1, ((WIDTH - LABEL_WIDTH - VALUE_WIDTH) * bar.value) / longest);
    const middle = y + BAR_HEIGHT / 2;
    return (
      `<text x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end" dominant-baseline="central">${escape(bar.name)}</text>` +
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" fill="${bar.highlighted ? "#2f6f4f" : "#a9b4ae"}"/>` +
      `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${middle}" dominant-baseline="central">${formatValue(bar.value)}</text>`
    );
  });
  return `<text x="0" y="${top + 18}" font-weight="bold">${escape(group.title)}</text>${rows.join("")}`;
}

/** Draws groups of bars below each other. Within a group, lengths compare. */
export function drawBars(groups: readonly BarGroup[]): string {
  let top = 8;
  const parts: string[] = [];
  for (const group of groups) {
    parts.push(drawGroup(group, top));
    top += TITLE_HEIGHT + group.bars.length * BAR_STEP + 12;
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 0 ${WIDTH + 16} ${top}" width="${WIDTH + 16}" height="${top}" ` +
    `font-family="system-ui, sans-serif" font-size="13"><rect x="-8" width="100%" height="100%" fill="#fff"/>${parts.join("")}</svg>\n`
  );
}
