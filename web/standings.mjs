// The rows of the table: one element per row of the board, kept as long as that row is on it.

import { fillDetails, judgedOtherwise, OTHERWISE, PROVISIONAL } from "./details.mjs";
import { absoluteTime, percent, relativeTime } from "./format.mjs";
import { glide } from "./glide.mjs";
import { brackets, ranges } from "./ties.mjs";

const UNTOLD = "–";
const LEADERS = 3;
const TIED = "An exact test on the same questions cannot tell these ranks apart";
const TAGS = { reference: "Baseline: the line to beat", baseline: "Baseline" };

export class Standings {
  #body;
  #template;
  #elements = new Map();

  constructor(body, template) {
    this.#body = body;
    this.#template = template;
  }

  /** Shows the rows of a board in its order. Text only: nothing in a row is read as markup. */
  show(board) {
    const { rows } = board;
    const elements = new Map();
    const seen = new Map();
    for (const row of rows) {
      const key = keyOf(row, seen);
      const element = this.#elements.get(key) ?? this.#template.content.firstElementChild.cloneNode(true);
      elements.set(key, element);
    }
    this.#elements = elements;
    const drawn = brackets(rows);
    glide(this.#body, () => {
      const wanted = [...elements.values()];
      const kept = new Set(wanted);
      wanted.forEach((element, index) => fill(element, rows[index], board, drawn[index]));
      for (const element of [...this.#body.children]) {
        if (!kept.has(element)) element.remove();
      }
      wanted.forEach((element, index) => {
        const there = this.#body.children[index];
        if (there !== element) this.#body.insertBefore(element, there ?? null);
      });
    });
  }
}

/** Two people may go by one name: the second of them is another row. */
function keyOf({ kind, name }, seen) {
  const owner = JSON.stringify([kind, name]);
  const nth = (seen.get(owner) ?? 0) + 1;
  seen.set(owner, nth);
  return `${owner}#${nth}`;
}

function fill(element, row, board, drawn) {
  const part = (name) => element.querySelector(`.${name}`);
  element.dataset.kind = row.kind;
  element.dataset.place = row.rank && row.rank <= LEADERS ? row.rank : "";
  element.dataset.beats = row.kind === "participant" && row.win_rate > 50;
  fillRank(part, row, drawn);

  const name = element.querySelector("bdi");
  name.textContent = row.name.trim() || "No name";
  name.title = row.name;
  part("tags").replaceChildren(...tags(row, board).map(tag));

  part("percent").textContent = percent(row.win_rate);
  part("interval").hidden = !row.interval;
  part("bounds").textContent = row.interval?.map((bound) => bound.toFixed(1)).join("–") ?? "";
  draw(part("chart"), row);

  const counted = row.kind === "participant";
  part("count").textContent = counted ? row.submissions : UNTOLD;
  part("unit").textContent = counted ? (row.submissions === 1 ? " submission" : " submissions") : "";
  fillTime(element.querySelector("time"), row.changed_at);
  fillMore(part, row, board);
}

/** What sets a row apart, as `[kind, text, explanation]`. */
function tags(row, board) {
  const found = [];
  if (TAGS[row.kind]) found.push(["plain", TAGS[row.kind], ""]);
  if (row.finale?.finalist) found.push(["finalist", "Finalist", ""]);
  if (row.provisional) found.push(["provisional", "Provisional", PROVISIONAL]);
  const other = judgedOtherwise(row, board);
  if (other) found.push(["otherwise", `Other ${other}`, OTHERWISE]);
  if (row.tied_with?.length) found.push(["plain", `Tied with ${ranges(row.tied_with)}`, TIED]);
  return found;
}

function tag([kind, text, explanation]) {
  const made = document.createElement("span");
  made.className = "tag";
  made.dataset.tag = kind;
  made.textContent = text;
  made.title = explanation;
  return made;
}

/** The facts are written out only while they are looked at: a board has hundreds of rows. */
function fillMore(part, row, board) {
  const [button, panel] = [part("toggle"), part("details")];
  button.hidden = row.kind === "reference";
  button.setAttribute("aria-label", `Details: ${row.name}`);
  const write = () => {
    panel.hidden = button.getAttribute("aria-expanded") !== "true";
    if (!panel.hidden) fillDetails(panel, row, board);
  };
  button.onclick = () => {
    button.setAttribute("aria-expanded", panel.hidden);
    write();
  };
  write();
}

function fillRank(part, { rank, rank_span }, drawn) {
  const [best, worst] = rank_span ?? [rank, rank];
  part("place").textContent = rank ?? UNTOLD;
  part("ranks").textContent = `${best}–${worst}`;
  part("span").hidden = best === worst;
  part("span").title = `The interval allows any rank from ${best} to ${worst}`;
  part("brackets").replaceChildren(...drawn.map(bracket));
}

function bracket({ lane, part }) {
  const made = document.createElement("span");
  made.className = "bracket";
  made.dataset.part = part;
  made.style.setProperty("--lane", lane);
  return made;
}

/** Positions go in through the CSSOM, which a strict style-src allows; markup would not be. */
function draw(chart, { win_rate: rate, interval }) {
  const [low, high] = interval ?? [rate, rate];
  chart.style.setProperty("--rate", rate);
  chart.style.setProperty("--low", low);
  chart.style.setProperty("--high", high);
  chart.querySelector(".whiskers").hidden = !interval;
}

function fillTime(time, timestamp) {
  time.textContent = timestamp ? relativeTime(timestamp) : UNTOLD;
  if (!timestamp) return;
  time.dateTime = timestamp;
  time.title = absoluteTime(timestamp);
}
