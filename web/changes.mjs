// What a listener needs to hear when one board replaces another.

import { percent } from "./format.mjs";

const SPOKEN = 3; // more than this nobody follows

/** One sentence or two about new names and new ranks; empty when no rank changed. */
export function whatChanged(before, after) {
  const ranks = new Map(before.map((row) => [row.name, row.rank]));
  const news = after
    .filter((row) => row.kind === "participant")
    .filter((row) => !ranks.has(row.name) || row.rank < ranks.get(row.name))
    .map((row) => {
      const verb = ranks.has(row.name) ? "rises to" : "enters at";
      return `${row.name} ${verb} rank ${row.rank} with ${percent(row.win_rate)}.`;
    });
  const rest = news.length - SPOKEN;
  if (rest > 0) news.splice(SPOKEN, rest, `And ${rest} more ${rest === 1 ? "rises" : "rise"}.`);
  return news.join(" ");
}
