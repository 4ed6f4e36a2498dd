// Which of two formats a scraper gets: OpenMetrics 1.0 if it asks for that, else the text format of Prometheus.

/** How metrics are written. */
export interface Format {
  readonly contentType: string;
  /** OpenMetrics: units, families named without `_total`, an end that is marked. */
  readonly open: boolean;
}

export const OPEN_METRICS: Format = {
  contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  open: true,
};

export const PLAIN_TEXT: Format = { contentType: "text/plain; version=0.0.4; charset=utf-8", open: false };

interface Range {
  readonly type: string;
  readonly version: string | undefined;
  readonly quality: number;
}

/** @param accept the header of the request. Wildcards mean the text format, which every reader knows. */
export function formatFor(accept: string | undefined): Format {
  const ranges = (accept ?? "").split(",").map(rangeOf);
  const open = best(ranges.filter(({ type, version }) => type === "application/openmetrics-text" && isOurs(version)));
  const plain = best(ranges.filter(({ type }) => type === "text/plain"));
  return open > 0 && open >= plain ? OPEN_METRICS : PLAIN_TEXT;
}

function isOurs(version: string | undefined): boolean {
  return version === undefined || version === "1.0.0";
}

function best(ranges: readonly Range[]): number {
  return Math.max(0, ...ranges.map(({ quality }) => quality));
}

/** One element of the header (RFC 9110 §12.5.1). A weight that cannot be read is none. */
function rangeOf(element: string): Range {
  const [type = "", ...parameters] = element.split(";").map((part) => part.trim().toLowerCase());
  const value = (name: string) =>
    parameters
      .find((parameter) => parameter.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', "");
  const quality = Number(value("q") ?? 1);
  return { type, version: value("version"), quality: quality >= 0 && quality <= 1 ? quality : 0 };
}
