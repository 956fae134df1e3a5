// Who cannot be told apart: in words for each row, and as brackets beside neighbours.

const DASH = "–";
const LANES = 3; // more brackets side by side do not fit beside a phone's board

/** `1, 2, 4–6` from ranks in ascending order. */
export function ranges(ranks) {
  const runs = [];
  for (const rank of ranks) {
    const run = runs.at(-1);
    if (run && rank === run[1] + 1) run[1] = rank;
    else runs.push([rank, rank]);
  }
  return runs.map(inWords).join(", ");
}

function inWords([first, last]) {
  if (last - first > 1) return `${first}${DASH}${last}`;
  return first === last ? `${first}` : `${first}, ${last}`;
}

/**
 * For each row of the board the brackets that pass it, `{lane, part}` with part first, middle or last.
 *
 * A bracket holds neighbours each of whom is tied with every other: to be tied is no equivalence, so
 * brackets overlap. Where more than fit would lie side by side there is none, and the words remain.
 */
export function brackets(rows) {
  const found = rows.map(() => []);
  const groups = inLanes(neighbours(rows));
  if (groups.some(({ lane }) => lane >= LANES)) return found;
  for (const { first, last, lane } of groups) {
    for (let at = first; at <= last; at += 1) {
      const part = at === first ? "first" : at === last ? "last" : "middle";
      found[at].push({ lane, part });
    }
  }
  return found;
}

/** The largest runs of ranks that are all tied with each other, as positions among the rows. */
function neighbours(rows) {
  const ranked = rows.map((row, at) => ({ at, rank: row.rank, tied: row.tied_with ?? [] })).filter(({ rank }) => rank);
  const groups = [];
  for (let first = 0; first < ranked.length; first += 1) {
    let last = first;
    while (ranked.slice(first, last + 1).every(({ rank }) => ranked[last + 1]?.tied.includes(rank))) last += 1;
    if (last > first && last > (groups.at(-1)?.end ?? -1)) {
      groups.push({ first: ranked[first].at, last: ranked[last].at, end: last });
    }
  }
  return groups;
}

function inLanes(groups) {
  const ends = [];
  return groups.map((group) => {
    const free = ends.findIndex((end) => end < group.first);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = group.last;
    return { ...group, lane };
  });
}
