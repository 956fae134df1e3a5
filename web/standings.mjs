// The rows of the table: one element per row of the board, kept as long as that row is on it.

import { absoluteTime, percent, relativeTime } from "./format.mjs";
import { glide } from "./glide.mjs";

const UNTOLD = "–";
const LEADERS = 3;
const TAGS = { reference: "Baseline: the line to beat", baseline: "Baseline" };

export class Standings {
  #body;
  #template;
  #elements = new Map();

  constructor(body, template) {
    this.#body = body;
    this.#template = template;
  }

  /** Shows the rows of a board in the order given. Text only: nothing in a row is read as markup. */
  show(rows) {
    const elements = new Map();
    const seen = new Map();
    for (const row of rows) {
      const key = keyOf(row, seen);
      const element = this.#elements.get(key) ?? this.#template.content.firstElementChild.cloneNode(true);
      elements.set(key, element);
    }
    this.#elements = elements;
    glide(this.#body, () => {
      const wanted = [...elements.values()];
      const kept = new Set(wanted);
      wanted.forEach((element, index) => fill(element, rows[index]));
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

function fill(element, row) {
  const part = (name) => element.querySelector(`.${name}`);
  element.dataset.kind = row.kind;
  element.dataset.place = row.rank && row.rank <= LEADERS ? row.rank : "";
  element.dataset.beats = row.kind === "participant" && row.win_rate > 50;
  fillRank(part, row);

  const name = element.querySelector("bdi");
  name.textContent = row.name.trim() || "No name";
  name.title = row.name;
  part("tag").textContent = TAGS[row.kind] ?? "";

  part("percent").textContent = percent(row.win_rate);
  part("interval").hidden = !row.interval;
  part("bounds").textContent = row.interval?.map((bound) => bound.toFixed(1)).join("–") ?? "";
  draw(part("chart"), row);

  const counted = row.kind === "participant";
  part("count").textContent = counted ? row.submissions : UNTOLD;
  part("unit").textContent = counted ? (row.submissions === 1 ? " submission" : " submissions") : "";
  fillTime(element.querySelector("time"), row.changed_at);
}

function fillRank(part, { rank, rank_span }) {
  const [best, worst] = rank_span ?? [rank, rank];
  part("place").textContent = rank ?? UNTOLD;
  part("ranks").textContent = `${best}–${worst}`;
  part("span").hidden = best === worst;
  part("span").title = `Cannot be told apart: the true rank may be any from ${best} to ${worst}`;
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
