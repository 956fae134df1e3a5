// What a listener needs to hear when one board replaces another.

import { percent } from "./format.mjs";

const SPOKEN = 3; // more than this nobody follows

/** The rows of those who play the finale, best first by the rate over both hidden sets. */
export function finalists({ rows }) {
  return rows.filter((row) => row.finale?.finalist).sort((a, b) => a.finale.rank - b.finale.rank);
}

/** One sentence or two about finalists, new names and new ranks; empty when nothing of it changed. */
export function whatChanged(before, after) {
  const chosen = names(after) !== names(before) && names(after);
  return [...(chosen ? [`Finalists: ${chosen}.`] : []), ...climbers(before.rows, after.rows)].join(" ");
}

const names = (board) => finalists(board).map((row) => row.name).join(", ");

function climbers(before, after) {
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
  return news;
}
