// Numbers and times as people read them.

const THIN = "\u202f"; // narrow no-break space, between a number and its unit
const STEPS = [
  ["day", 86_400],
  ["h", 3_600],
  ["min", 60],
];

/** `82.2 %` from percent. */
export const percent = (value) => `${value.toFixed(1)}${THIN}%`;

/** `2 min ago`; a clock that lags behind the server's never says "in 2 min". */
export function relativeTime(timestamp, now = Date.now()) {
  const seconds = (now - Date.parse(timestamp)) / 1000;
  for (const [unit, length] of STEPS) {
    const count = Math.floor(seconds / length);
    if (count >= 1) return `${count} ${unit}${unit === "day" && count > 1 ? "s" : ""} ago`;
  }
  return "just now";
}

/** Date and time in the reader's own time zone, which it names. */
export function absoluteTime(timestamp) {
  return new Date(timestamp).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "long" });
}
