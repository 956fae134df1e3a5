// What is known of one row, in words: shown below it on demand.

import { percent } from "./format.mjs";
import { ranges } from "./ties.mjs";

const UNTOLD = "–";

/** Fills the list `panel` with the facts of `row` on `board`, each a term and a sentence. */
export function fillDetails(panel, row, board) {
  panel.replaceChildren(
    ...facts(row, board).map(([term, text]) => {
      const pair = document.createElement("div");
      pair.append(element("dt", term), element("dd", text));
      return pair;
    }),
  );
}

function facts(row, board) {
  const found = [
    ["95 % interval", row.interval ? between(row.interval) : UNTOLD],
    ["Order consistency", consistency(row)],
  ];
  if (row.kind === "participant") {
    found.push(["Ranks the interval allows", row.rank_span ? span(row.rank_span) : UNTOLD]);
    found.push(["Cannot be told apart from", tied(row)]);
    found.push(["Submissions", `${row.submissions}`]);
  }
  found.push(["Judge", row.judge ?? UNTOLD], ["Protocol", row.protocol ?? UNTOLD]);
  if (row.provisional) found.push(["Provisional", PROVISIONAL]);
  if (judgedOtherwise(row, board)) found.push(["Not comparable yet", OTHERWISE]);
  if (row.finale) found.push([row.finale.finalist ? "Finalist" : "Contender", finale(row.finale, board)]);
  return found;
}

export const PROVISIONAL = "Second games are still to be played: each question has met the judge in one order only.";
export const OTHERWISE = "Judged by another judge or protocol than the board’s; a re-judge makes it comparable.";

/** What differs from the board's own judging: "judge", "protocol", both; empty where nothing does. */
export function judgedOtherwise(row, board) {
  const differs = [];
  if (row.judge && row.judge !== board.judge.id) differs.push("judge");
  if (row.protocol && row.protocol !== board.protocol) differs.push("protocol");
  return differs.join(" and ");
}

const between = ([low, high]) => `${low.toFixed(1)} to ${percent(high)}`;
const span = ([best, worst]) => (best === worst ? `${best} only` : `${best} to ${worst}`);

function consistency({ order_consistency: share }) {
  if (share == null) return "Not measured: both orders have not been played";
  return `${percent(share)} of questions have the same winner in both orders`;
}

function tied({ tied_with: ranks }) {
  if (!ranks) return "Not tested: only the first ten are, where judged alike";
  return ranks.length ? `Rank ${ranges(ranks)}` : "Nobody: it differs from all others of the first ten";
}

function finale({ rank, win_rate: rate, interval }, { finale: { questions } }) {
  const all = questions.reduce((sum, n) => sum + n, 0);
  return `Place ${rank} on ${all} questions, both hidden sets together: ${percent(rate)} (${between(interval)})`;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
