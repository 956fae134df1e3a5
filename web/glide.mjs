// Rows that change place travel there, so that the eye can follow who overtook whom.

const TRAVEL = { duration: 700, easing: "cubic-bezier(0.3, 0.7, 0.1, 1)" };
const FADE = { duration: 500, easing: "ease-out" };
const GLOW = { duration: 2_500, easing: "ease-out" };

/** Calls `rearrange`, which may move, add and remove children of `body`, and animates the difference. */
export function glide(body, rearrange) {
  const before = new Map([...body.children].map((row) => [row, row.getBoundingClientRect().top]));
  for (const row of before.keys()) row.getAnimations().forEach((animation) => animation.cancel());
  rearrange();
  if (!before.size || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const row of body.children) {
    const top = row.getBoundingClientRect().top;
    if (!before.has(row)) enter(row);
    else if (before.get(row) !== top) travel(row, before.get(row), top);
  }
}

function enter(row) {
  row.animate({ opacity: [0, 1] }, FADE);
  glow(row);
}

function travel(row, from, to) {
  if (!onScreen(from) && !onScreen(to)) return;
  const rises = from > to;
  const zIndex = rises ? 1 : 0; // who rises passes in front of who falls
  row.animate({ transform: [`translateY(${from - to}px)`, "none"], zIndex: [zIndex, zIndex] }, TRAVEL);
  if (rises) glow(row);
}

const glow = (row) => row.animate([{ backgroundColor: "var(--glow)", offset: 0 }], GLOW);
const onScreen = (top) => top > -200 && top < innerHeight + 200;
