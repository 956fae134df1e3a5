// Follows a JSON document by asking with its ETag: often while all is well, more rarely while it
// is not, and never while nobody looks.

const EVERY = 5_000; // ms between two questions
const LONGEST = 60_000; // ms between two questions after many failures
const PATIENCE = 15_000; // ms until a question counts as failed

/**
 * Calls `onBoard(document)` whenever the document at `address` is a new one, `onMissing()` while the
 * server says that there is none yet, and `onState("live" | "reconnecting")` whenever that changes.
 * An error in `onBoard` is a failure too: a document that cannot be shown is asked for again.
 */
export function follow(address, { onBoard, onMissing, onState }) {
  let etag = null;
  let failures = 0;
  let asking = false;
  let timer;
  let state = null;

  async function ask() {
    if (asking || document.hidden) return;
    asking = true;
    clearTimeout(timer);
    try {
      const response = await fetch(address, {
        headers: etag ? { "If-None-Match": etag } : {},
        cache: "no-store", // the answer 304 is for us, not for the browser's cache
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (response.status === 404 && !etag) {
        onMissing();
      } else if (response.status !== 304) {
        if (!response.ok) throw new Error(`${address}: ${response.status}`);
        onBoard(await response.json());
        etag = response.headers.get("ETag");
      }
      failures = 0;
      enter("live");
    } catch (error) {
      failures += 1;
      enter("reconnecting");
      console.warn(error);
    } finally {
      asking = false;
      timer = setTimeout(ask, pause(failures));
    }
  }

  function enter(next) {
    if (next !== state) onState(next);
    state = next;
  }

  document.addEventListener("visibilitychange", ask);
  window.addEventListener("online", ask);
  ask();
}

/** Milliseconds until the next question; jitter keeps a room full of screens from asking at once. */
function pause(failures) {
  const jitter = 0.9 + 0.2 * Math.random();
  return failures ? Math.min(LONGEST, EVERY * 2 ** failures) * jitter : EVERY;
}
