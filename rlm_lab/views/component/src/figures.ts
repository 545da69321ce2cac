// Numbers as text, spelled as everywhere in rlm_lab: 13.1 s, 0:27, 0.085 USD, 8.9 k, 2.1 MB.

const UNKNOWN = "?";
const fits = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0 && value < 1e15;

export function seconds(value: unknown): string {
  if (!fits(value)) return UNKNOWN;
  if (value >= 100) return clock(value);
  if (value < 0.005) return "0 s";
  return value < 0.095 ? `${value.toFixed(2)} s` : `${value.toFixed(1)} s`;
}

export function clock(value: unknown): string {
  if (!fits(value)) return UNKNOWN;
  const whole = Math.floor(value);
  const two = (part: number) => String(part).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}` : `${Math.floor(whole / 60)}:${two(whole % 60)}`;
}

export function grouped(value: unknown): string {
  return fits(value) ? Math.round(value).toLocaleString("en-US") : UNKNOWN;
}

export function dollars(value: unknown): string {
  if (!fits(value)) return UNKNOWN;
  if (value === 0) return "0";
  if (value >= 0.0995) return value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return value >= 0.001 ? value.toFixed(3) : value.toFixed(Math.min(1 - Math.floor(Math.log10(value)), 9));
}

export const money = (value: unknown): string => `${dollars(value)} USD`;

export function thousands(value: unknown): string {
  if (!fits(value)) return UNKNOWN;
  if (value < 1000) return value.toFixed(0);
  const [size, unit] = value < 999_500 ? [value / 1e3, "k"] : [value / 1e6, "M"];
  const shown = size < 99.95 ? size.toFixed(1).replace(/\.0$/, "") : Math.round(size).toLocaleString("en-US");
  return `${shown} ${unit}`;
}

export function bytes(value: unknown): string {
  if (!fits(value)) return UNKNOWN;
  for (const [limit, unit] of [[1e3, "B"], [1e6, "kB"], [1e9, "MB"], [1e15, "GB"]] as const) {
    if (value >= limit * 0.9995) continue;
    const number = value / (unit === "GB" ? 1e9 : limit / 1e3);
    return `${number < 100 ? number.toFixed(1).replace(/\.0$/, "") : Math.round(number).toLocaleString("en-US")} ${unit}`;
  }
  return UNKNOWN;
}

export function counted(number: number, noun: string): string {
  const plural = noun.endsWith("try") ? `${noun.slice(0, -1)}ies` : noun.endsWith("ch") ? `${noun}es` : `${noun}s`;
  return `${grouped(number)} ${number === 1 ? noun : plural}`;
}

export function clipped(value: string, limit: number): string {
  const line = value.slice(0, limit * 4).replace(/\s+/g, " ").trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1).trimEnd()}…`;
}
