// From values to places on an axis, and the values worth a label.

export interface Scale {
  /** 0 at the beginning of the axis, 1 at its end. */
  at(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

const STEPS = [1, 2, 5, 10];

/** Evenly, with labels at round values. */
export function linear(least: number, most: number, shown: (value: number) => string = String, count = 4): Scale {
  const span = most - least || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * STEPS.find((factor) => factor * power >= rough * 0.999)!;
  const first = Math.ceil(least / step - 1e-9);
  const ticks = Array.from({ length: Math.floor(most / step + 1e-9) - first + 1 }, (_, n) => (first + n) * step);
  return {
    at: (value) => (value - least) / span,
    ticks: ticks.map((value) => ({ value, label: shown(Number(value.toPrecision(12))) })),
  };
}

/** By powers of ten, with labels at 1, 2 and 5 of each, or fewer when that would be many. */
export function logarithmic(least: number, most: number): Scale {
  const [low, high] = [Math.log10(least), Math.log10(most)];
  const factors = high - low > 2.5 ? [1] : high - low > 1.3 ? [1, 3] : [1, 2, 5];
  const values = Array.from({ length: 9 }, (_, n) => 10 ** (n - 2)).flatMap((power) => factors.map((f) => f * power));
  return {
    at: (value) => (Math.log10(value) - low) / (high - low || 1),
    ticks: values
      .filter((value) => value >= least * 0.999 && value <= most * 1.001)
      .map((value) => ({ value, label: String(Number(value.toPrecision(3))) })),
  };
}

/** Shares by their nines: as far from 0.9 to 0.99 as from 0.99 to 0.999. */
export function nines(least: number, most: number): Scale {
  const place = (share: number): number => -Math.log10(1 - share);
  const [low, high] = [place(least), place(most)];
  return {
    at: (share) => (place(share) - low) / (high - low),
    ticks: [0.5, 0.9, 0.99, 0.999]
      .filter((share) => share >= least && share <= most)
      .map((value) => ({ value, label: `${Number((100 * value).toFixed(3))}` })),
  };
}
