// The leaderboard page: asks for the board, shows it, says what changed.

import { finalists, whatChanged } from "./changes.mjs";
import { judgedOtherwise } from "./details.mjs";
import { absoluteTime, relativeTime } from "./format.mjs";
import { follow } from "./poll.mjs";
import { Standings } from "./standings.mjs";
import { ranges } from "./ties.mjs";

const TIMES_EVERY = 15_000; // ms between refreshes of "2 min ago"
const NOTHING_YET = "No model has been scored yet. The first one appears here by itself.";
const byId = (id) => document.getElementById(id);
const standings = new Standings(byId("rows"), byId("row"));
let shown = null;

function show(board) {
  const players = board.rows.filter((row) => row.kind === "participant");
  setText(byId("title"), board.title);
  document.title = `${board.title} · Leaderboard`;
  showSummary(board, players);
  showNotice(board);
  showMeaning(board);
  showFinale(board);
  byId("about-provisional").hidden = !players.some((row) => row.provisional);
  byId("about-otherwise").hidden = !board.rows.some((row) => judgedOtherwise(row, board));
  setText(byId("empty"), NOTHING_YET);
  byId("empty").hidden = players.length > 0;
  document.querySelector("table").hidden = board.rows.length === 0;
  byId("reading").hidden = false;
  standings.show(board);
  if (shown) setText(byId("news"), whatChanged(shown, board));
  shown = board;
}

function showSummary(board, players) {
  const summary = byId("summary");
  summary.replaceChildren();
  if (!players.length) return;
  const ahead = players.filter((row) => row.win_rate > 50).length;
  const strong = document.createElement("strong");
  strong.textContent = `${ahead} of ${players.length}`;
  summary.append(strong, ` ${players.length === 1 ? "model beats" : "models beat"} the reference model`);
  if (board.updated_at) {
    const time = document.createElement("time");
    time.dateTime = board.updated_at;
    time.title = absoluteTime(board.updated_at);
    time.textContent = relativeTime(board.updated_at);
    const updated = document.createElement("span");
    updated.append("Updated ", time);
    summary.append(" ", updated);
  }
}

function showNotice({ judge, reference }) {
  const notice = byId("stand-in");
  notice.hidden = !judge.stand_in && !reference.stand_in;
  const what = judge.stand_in ? "Stand-in judge" : "Stand-in reference model";
  const strong = document.createElement("strong");
  strong.textContent = `${what}:`;
  notice.replaceChildren(strong, " rehearsal numbers, not comparable with a real event");
}

function showMeaning({ questions, judge, reference, protocol }) {
  setText(
    byId("meaning"),
    `Win rate: share of ${questions} hidden questions on which the model’s answer beat the reference model’s, ` +
      "both orders. Whiskers: 95 % Wilson interval.",
  );
  setText(byId("judging"), `Judged by ${judge.label} · protocol ${protocol} · ${questions} hidden questions`);
  setText(byId("judged-by"), `${judge.label} (${judge.id}). Against: ${reference.label}. Protocol: ${protocol}.`);
}

/** Who plays the finale, best first, once organizers have published it. */
function showFinale(board) {
  const [line, about] = [byId("finale"), byId("about-finale")];
  line.hidden = about.hidden = !board.finale;
  if (!board.finale) return;
  const strong = document.createElement("strong");
  strong.textContent = "Finalists:";
  const names = finalists(board).flatMap((row, at) => {
    const name = document.createElement("bdi");
    name.textContent = row.name;
    return [at ? ", " : " ", name];
  });
  line.replaceChildren(strong, ...names);
  const { questions, tied_at_the_cut: tied } = board.finale;
  const all = questions.reduce((sum, n) => sum + n, 0);
  const cut = tied.length
    ? ` The test could not tell places ${ranges(tied)} apart: the rules of rank decided who plays.`
    : "";
  setText(
    about.querySelector("dd"),
    `After the close the first ten were judged on ${questions[1]} more questions. ` +
      `The win rate over all ${all} chose the finalists.${cut}`,
  );
}

function showConnection(state) {
  const words = { live: "Live", reconnecting: "Reconnecting…" };
  byId("connection").dataset.state = state;
  setText(byId("connection"), words[state]);
  if (state === "reconnecting" && !shown) {
    setText(byId("empty"), "The leaderboard cannot be reached. Trying again…");
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

follow("leaderboard", {
  onBoard: show,
  onMissing: () => setText(byId("empty"), NOTHING_YET),
  onState: showConnection,
});

setInterval(() => {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[datetime]")) setText(time, relativeTime(time.dateTime));
}, TIMES_EVERY);
