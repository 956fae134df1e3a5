"""The leaderboard page in a real browser: what the audience sees and screen readers hear."""

import datetime as dt
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lambdas.leaderboard.handler import SECURITY
from tests.e2e.browser import chromium

pytestmark = pytest.mark.xdist_group("browser")

WEB = Path(__file__).parents[2] / "web"
STAGE = "/live"
TYPES = {".html": "text/html", ".css": "text/css", ".mjs": "text/javascript"}
POLICY = SECURITY["Content-Security-Policy"]
NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
DASH = "\u2013"  # en dash
POLL = 5_000  # ms, the page's own rhythm; tests turn the page's clock, not ours
PHONE = {"width": 360, "height": 740}
LAPTOP = {"width": 1280, "height": 800}
PROJECTOR = {"width": 1920, "height": 1080}


# --- the board served ------------------------------------------------------------------------


def participant(name: str, win_rate: float, rank: int, **more: Any) -> dict[str, Any]:
    changed = NOW - dt.timedelta(days=2, hours=3)
    return {
        "kind": "participant",
        "rank": rank,
        "rank_span": [rank, rank],
        "tied_with": None,
        "name": name,
        "win_rate": win_rate,
        "interval": [max(0, win_rate - 9.5), min(100, win_rate + 6.7)],
        "order_consistency": 86.2,
        "provisional": False,
        "protocol": "pairwise-1",
        "judge": "j",
        "finale": None,
        "submissions": 3,
        "changed_at": changed.isoformat(),
        **more,
    }


REFERENCE = {
    "kind": "reference",
    "rank": None,
    "rank_span": None,
    "tied_with": None,
    "name": "Stand-in reference model",
    "win_rate": 50.0,
    "interval": None,
    "order_consistency": None,
    "provisional": False,
    "protocol": None,
    "judge": None,
    "finale": None,
    "submissions": None,
    "changed_at": None,
}
UNTUNED = participant("Small model, untuned", 12.1, 1) | {"kind": "baseline", "rank": None}
UNTUNED["rank_span"] = None
ADA, BO, CY = (
    participant("Ada", 82.2, 1, rank_span=[1, 2]),
    participant("Bo", 71.3, 2, rank_span=[1, 2]),
    participant("Cy", 33.3, 3, submissions=1),
)
ROWS = [ADA, BO, REFERENCE, CY, UNTUNED]


def document(rows: list[dict[str, Any]], *, stand_in: bool = True) -> dict[str, Any]:
    return {
        "event": "rehearsal",
        "title": "Rehearsal of the AI League",
        "questions": 87,
        "protocol": "pairwise-1",
        "judge": {"id": "j", "label": "Judge: coverage of the notes", "stand_in": stand_in},
        "reference": {"id": "r", "label": "Reference model", "stand_in": stand_in},
        "finale": None,
        "updated_at": (NOW - dt.timedelta(minutes=4)).isoformat() if rows else None,
        "rows": rows,
    }


def until(condition: Callable[[], bool]) -> None:
    """Playwright's own wait_for_function evaluates text in the page, which the policy forbids."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "not within 5 seconds"
        time.sleep(0.01)


class BoardServer(ThreadingHTTPServer):
    """The page under a stage, as the gateway serves it, and a board that a test can change."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.board = document(ROWS)
        self.failure: int | None = None
        self.answered: list[int] = []  # status of each answer to GET /leaderboard
        self.address = f"http://127.0.0.1:{self.server_port}{STAGE}/"

    def answer(self, path: str, known: str | None) -> tuple[int, str, bytes, dict[str, str]]:
        if path == "leaderboard":
            status, kind, body, headers = self._leaderboard(known)
            self.answered.append(status)
            return status, kind, body, headers
        file = WEB / (path.removeprefix("web/") or "index.html")
        if not file.is_file():
            return 404, "text/plain", b"", {}
        return 200, TYPES[file.suffix], file.read_bytes(), {}

    def _leaderboard(self, known: str | None) -> tuple[int, str, bytes, dict[str, str]]:
        if self.failure:
            return self.failure, "application/problem+json", b"{}", {}
        body = json.dumps(self.board).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if known == etag:
            return 304, "application/json", b"", {"ETag": etag}
        return 200, "application/json", body, {"ETag": etag}


class _Handler(BaseHTTPRequestHandler):
    server: BoardServer

    def do_GET(self) -> None:
        path = self.path.removeprefix(f"{STAGE}/")
        status, kind, body, headers = self.server.answer(path, self.headers["If-None-Match"])
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def server() -> Iterator[BoardServer]:
    server = BoardServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class Visit:
    """One look at the page, with a clock that the test can turn."""

    def __init__(self, browser: Any, server: BoardServer, **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": LAPTOP, "locale": "en-GB"} | options))
        self.page = self.context.new_page()
        self.server = server
        self.complaints: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.clock.install(time=NOW)
        self.page.goto(server.address)
        until(lambda: self.state() != "connecting")

    def _listen(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def pass_time(self, milliseconds: int) -> None:
        self.page.clock.fast_forward(milliseconds)

    def see(self, board: dict[str, Any]) -> None:
        """Let the page find `board` at its next question."""
        self.server.board = board
        self.pass_time(POLL)
        until(lambda: self.names() == [row["name"] for row in board["rows"]])

    def names(self) -> list[str]:
        return self.page.locator("#rows bdi").all_text_contents()

    def state(self) -> str:
        return self.page.locator("#connection").get_attribute("data-state")

    def texts(self, selector: str) -> list[str]:
        """What a listener hears at each place, spaces evened out."""
        found = self.page.locator(selector).all_text_contents()
        return [" ".join(text.split()) for text in found]


@pytest.fixture
def visit(browser: Any, server: BoardServer) -> Iterator[Any]:
    """Opens the page; at the end nothing in it may have complained, unless the test allows it."""
    visits: list[Visit] = []

    def open_page(**options: Any) -> Visit:
        visits.append(Visit(browser, server, **options))
        return visits[-1]

    yield open_page
    complaints = [complaint for each in visits for complaint in each.complaints]
    for each in visits:
        each.context.close()
    assert complaints == []


# --- what is shown ---------------------------------------------------------------------------


def test_rows_are_shown_in_the_order_of_the_board_with_all_their_numbers(visit):
    page = visit()
    assert page.texts("h1") == ["Rehearsal of the AI League"]
    assert page.names() == [row["name"] for row in ROWS]
    assert page.texts("#rows .place") == ["1", "2", DASH, "3", DASH]
    assert page.texts("#rows .percent") == ["82.2 %", "71.3 %", "50.0 %", "33.3 %", "12.1 %"]
    assert page.texts("#rows .bounds")[:2] == [f"72.7{DASH}88.9", f"61.8{DASH}78.0"]
    assert page.texts("#rows .submissions")[:4] == [
        "3 submissions",
        "3 submissions",
        DASH,
        "1 submission",
    ]
    assert page.texts("#summary") == ["2 of 3 models beat the reference model Updated 4 min ago"]
    assert "share of 87 hidden questions" in page.texts("caption")[0]
    assert "95 % Wilson interval" in page.texts("caption")[0]


def test_bars_and_whiskers_are_drawn_to_scale(visit):
    page = visit(reduced_motion="reduce")
    drawn = page.page.evaluate(
        """() => [...document.querySelectorAll('#rows tr')].map(row => {
          const box = part => row.querySelector(part).getBoundingClientRect();
          const chart = box('.chart');
          const at = x => (x - chart.left) / chart.width * 100;
          return [at(box('.bar').right), at(box('.whiskers').left), at(box('.whiskers').right)];
        })"""
    )
    for row, (end, low, high) in zip(ROWS, drawn, strict=True):
        if row["kind"] == "reference":
            continue
        assert end == pytest.approx(row["win_rate"], abs=0.3)
        assert [low, high] == pytest.approx(row["interval"], abs=0.3)


def test_reference_model_is_a_baseline_without_a_rank_or_an_interval(visit):
    row = visit().page.locator("#rows tr").nth(2)
    assert "Baseline: the line to beat" in row.inner_text()
    assert not row.locator(".bar").is_visible()
    assert not row.locator(".whiskers").is_visible()
    assert not row.locator(".interval").is_visible()


def test_ranks_that_cannot_be_told_apart_say_so(visit):
    page = visit()
    assert page.texts("#rows .rank")[0] == f"1 could be 1{DASH}2"
    visible = [span.is_visible() for span in page.page.locator("#rows .span").all()]
    assert visible == [True, True, False, False, False]


def test_last_change_is_relative_with_the_moment_in_its_title(visit):
    page = visit(timezone_id="UTC")
    time_of_ada = page.page.locator("#rows time").first
    assert time_of_ada.text_content() == "2 days ago"
    assert time_of_ada.get_attribute("title") == "20 November 2026 at 07:00:00 UTC"
    page.pass_time(24 * 3600 * 1000)
    until(lambda: time_of_ada.text_content() == "3 days ago")


@pytest.mark.parametrize("stand_in", [True, False])
def test_stand_in_judge_is_labelled_and_a_real_one_is_not(visit, server, stand_in):
    server.board = document(ROWS, stand_in=stand_in)
    notice = visit().page.locator("#stand-in")
    assert notice.is_visible() == stand_in
    if stand_in:
        expected = "Stand-in judge: rehearsal numbers, not comparable with a real event"
        assert notice.inner_text() == expected


def test_board_without_models_says_that_none_has_been_scored(visit, server):
    server.board = document([])
    page = visit()
    assert page.page.locator("#empty").inner_text().startswith("No model has been scored yet")
    assert not page.page.locator("table").is_visible()
    page.see(document(ROWS))
    assert page.page.locator("table").is_visible()
    assert not page.page.locator("#empty").is_visible()


def test_event_that_is_not_prepared_shows_an_empty_board_and_no_trouble(visit, server):
    server.failure = 404
    page = visit()
    assert page.page.locator("#empty").inner_text().startswith("No model has been scored yet")
    assert page.texts("#connection") == ["Live"]
    page.complaints.clear()  # Chromium itself reports each 404


# --- what the numbers can tell ---------------------------------------------------------------


FINALE = {"questions": [87, 40], "places": 2, "tied_at_the_cut": [2, 3]}


def in_finale(rank: int, *, finalist: bool = True) -> dict[str, Any]:
    return {
        "finalist": finalist,
        "rank": rank,
        "win_rate": 91.3,
        "interval": [85.2, 95.1],
        "tied_with": [],
    }


def tied(*groups: list[int], baseline_after: int = 0) -> list[dict[str, Any]]:
    """Rows of which the nth is tied with the ranks in the nth of `groups`."""
    rows = [participant(f"P{i}", 90.0 - i, i, tied_with=group) for i, group in enumerate(groups, 1)]
    if baseline_after:
        rows.insert(baseline_after, REFERENCE)
    return rows


BRACKETS = """() => [...document.querySelectorAll('#rows tr')].map(row =>
  [...row.querySelectorAll('.bracket')].map(
    b => b.style.getPropertyValue('--lane') + ' ' + b.dataset.part).join(', '))"""


def test_neighbours_that_cannot_be_told_apart_are_bracketed_and_named(visit, server):
    server.board = document(tied([2, 3], [1, 3, 4], [1, 2], [2], [], baseline_after=2))
    page = visit()
    assert page.texts("#rows .tags") == [
        "Tied with 2, 3", "Tied with 1, 3, 4", "Baseline: the line to beat", "Tied with 1, 2",
        "Tied with 2", "",
    ]  # fmt: skip
    # 2 and 4 are tied, but 3 between them is not tied with 4: no bracket says so, the words do.
    passing = page.page.evaluate(BRACKETS)
    assert passing == ["0 first", "0 middle", "0 middle", "0 last", "", ""]


def test_overlapping_ties_have_brackets_side_by_side(visit, server):
    server.board = document(tied([2], [1, 3], [2]))
    page = visit()
    assert page.page.evaluate(BRACKETS) == ["0 first", "0 last, 1 first", "1 last"]
    page.see(document(tied([], [], [])))
    assert page.page.evaluate(BRACKETS) == ["", "", ""]


def test_ranges_of_ties_are_short_and_more_brackets_than_fit_are_left_out(visit, server):
    near = [[r for r in range(max(1, n - 4), min(10, n + 4) + 1) if r != n] for n in range(1, 11)]
    server.board = document(tied(*near))
    page = visit()
    assert page.texts("#rows .tags")[:2] == [f"Tied with 2{DASH}5", f"Tied with 1, 3{DASH}6"]
    assert set(page.page.evaluate(BRACKETS)) == {""}


def test_provisional_score_is_marked_and_explained(visit, server):
    server.board = document([ADA, BO | {"provisional": True, "order_consistency": None}])
    page = visit()
    assert page.texts("#rows .tags") == ["", "Provisional"]
    assert "in one order only" in page.page.locator("[data-tag=provisional]").get_attribute("title")
    assert page.page.locator("#about-provisional").is_visible()
    page.page.get_by_role("button", name="Details: Bo").click()
    told = facts(page)
    assert "Second games are still to be played" in told["Provisional"]
    assert told["Order consistency"].startswith("Not measured")
    page.see(document([ADA, BO, CY]))
    assert page.texts("#rows .tags") == ["", "", ""]
    assert not page.page.locator("#about-provisional").is_visible()


@pytest.mark.parametrize(
    ("more", "mark"),
    [
        ({"judge": "former"}, "Other judge"),
        ({"protocol": "pairwise-0"}, "Other protocol"),
        ({"judge": "former", "protocol": "pairwise-0"}, "Other judge and protocol"),
    ],
)
def test_row_judged_otherwise_than_the_board_says_so(visit, server, more, mark):
    server.board = document([ADA, BO | more, REFERENCE])
    page = visit()
    assert page.texts("#rows .tags") == ["", mark, "Baseline: the line to beat"]
    assert page.page.locator("#about-otherwise").is_visible()


def test_header_and_footer_name_judge_protocol_and_questions(visit):
    page = visit()
    told = "Judge: coverage of the notes · protocol pairwise-1 · 87 hidden questions"
    assert page.texts("#judging") == [f"Judged by {told}"]
    assert "(j). Against: Reference model. Protocol: pairwise-1." in page.texts("#judged-by")[0]


def test_finalists_are_named_and_marked_once_they_are_published(visit):
    page = visit()
    assert not page.page.locator("#finale").is_visible()
    assert not page.page.locator("#about-finale").is_visible()
    chosen = [
        ADA | {"finale": in_finale(2)},
        BO | {"finale": in_finale(1)},
        REFERENCE,
        CY | {"finale": in_finale(3, finalist=False)},
    ]
    page.see(document([*chosen]) | {"finale": FINALE})
    assert page.texts("#finale") == ["Finalists: Bo, Ada"]
    assert page.texts("#news") == ["Finalists: Bo, Ada."]
    assert page.texts("#rows .tags") == ["Finalist", "Finalist", "Baseline: the line to beat", ""]
    assert "over all 127 chose the finalists" in page.texts("#about-finale dd")[0]
    assert "could not tell places 2, 3 apart" in page.texts("#about-finale dd")[0]
    page.page.get_by_role("button", name="Details: Cy").click()
    rate = "91.3\u202f% (85.2 to 95.1\u202f%)"
    told = f"Place 3 on 127 questions, both hidden sets together: {rate}"
    assert facts(page)["Contender"] == told


def facts(page: Visit) -> dict[str, str]:
    """The terms and sentences of the one row whose details are open."""
    panel = page.page.locator("#rows .details:visible")
    terms, told = (panel.locator(part).all_text_contents() for part in ("dt", "dd"))
    return dict(zip(terms, told, strict=True))


def test_details_open_by_keyboard_stay_open_and_are_kept_up_to_date(visit):
    page = visit()
    for _ in range(2):
        page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.ariaLabel") == "Details: Ada"
    page.page.keyboard.press("Enter")
    assert facts(page) == {
        "95 % interval": "72.7 to 88.9\u202f%",
        "Order consistency": "86.2\u202f% of questions have the same winner in both orders",
        "Ranks the interval allows": "1 to 2",
        "Cannot be told apart from": "Not tested: only the first ten are, where judged alike",
        "Submissions": "3",
        "Judge": "j",
        "Protocol": "pairwise-1",
    }
    page.see(document([BO, ADA | {"submissions": 4, "tied_with": []}, REFERENCE]))
    assert facts(page)["Submissions"] == "4"
    assert facts(page)["Cannot be told apart from"].startswith("Nobody")
    button = page.page.get_by_role("button", name="Details: Ada")
    assert button.get_attribute("aria-expanded") == "true"
    button.press("Space")
    assert page.page.locator("#rows .details:visible").count() == 0
    assert button.get_attribute("aria-expanded") == "false"


def tap(page: Visit, text: str) -> None:
    """A finger on a text, whatever lies over it."""
    box = page.page.get_by_text(text).first.bounding_box()
    page.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_on_a_phone_the_whole_row_opens_its_details(visit):
    page = visit(viewport=PHONE, has_touch=True)
    tap(page, "71.3")
    assert facts(page)["Ranks the interval allows"] == "1 to 2"
    tap(page, "Stand-in reference model")
    assert page.page.locator("#rows .details:visible").count() == 1


# --- live ------------------------------------------------------------------------------------


def test_unchanged_board_is_answered_304_and_nothing_is_redrawn(visit, server):
    page = visit()
    page.page.evaluate(
        """() => { window.mutations = 0;
          new MutationObserver(seen => window.mutations += seen.length).observe(document.body,
            {subtree: true, childList: true, characterData: true, attributes: true}) }"""
    )
    for answers in (2, 3, 4):
        page.pass_time(POLL)
        until(lambda answers=answers: len(server.answered) == answers)
        page.page.wait_for_timeout(50)
    assert server.answered == [200, 304, 304, 304]
    assert page.page.evaluate("window.mutations") == 0


def test_new_board_moves_the_rows_and_tells_listeners(visit):
    page = visit()
    page.page.evaluate("document.querySelectorAll('#rows tr')[1].dataset.witness = 'Bo'")
    bo, ada = BO | {"rank": 1, "win_rate": 88.5}, ADA | {"rank": 2}
    page.see(document([bo, ada, REFERENCE, CY, UNTUNED]))
    first = page.page.locator("#rows tr").first
    assert first.get_attribute("data-witness") == "Bo"
    assert page.page.evaluate("document.querySelector('#rows tr').getAnimations().length") > 0
    assert page.texts("#news") == ["Bo rises to rank 1 with 88.5 %."]


def test_rows_change_place_at_once_when_less_motion_is_preferred(visit):
    page = visit(reduced_motion="reduce")
    bo, ada = BO | {"rank": 1, "win_rate": 88.5}, ADA | {"rank": 2}
    page.see(document([bo, ada, REFERENCE, CY, UNTUNED]))
    assert page.page.evaluate("document.getAnimations().length") == 0


def test_two_people_of_one_name_have_a_row_each(visit, server):
    server.board = document([ADA, BO | {"name": "Ada"}])
    page = visit()
    assert page.texts("#rows .percent") == ["82.2 %", "71.3 %"]
    page.see(document([ADA, BO | {"name": "Ada"}, CY]))
    assert page.texts("#rows .percent") == ["82.2 %", "71.3 %", "33.3 %"]


@pytest.mark.parametrize("failure", [503, 403])
def test_lost_connection_keeps_the_board_says_so_and_recovers(visit, server, failure):
    page = visit()
    server.failure = failure
    page.pass_time(POLL)
    until(lambda: page.state() == "reconnecting")
    assert page.texts("#connection") == ["Reconnecting…"]
    assert page.names() == [row["name"] for row in ROWS]
    server.failure = None
    server.board = document([ADA])
    page.pass_time(3 * POLL)
    until(lambda: page.state() == "live")
    assert page.texts("#rows bdi") == ["Ada"]
    assert all(str(failure) in complaint for complaint in page.complaints)
    page.complaints.clear()


def test_board_that_makes_no_sense_keeps_the_last_one_and_is_asked_for_again(visit, server):
    page = visit()
    server.board = {"message": "Internal server error"}
    page.pass_time(POLL)
    until(lambda: page.state() == "reconnecting")
    assert page.names() == [row["name"] for row in ROWS]
    server.board = document(ROWS)
    page.pass_time(3 * POLL)
    until(lambda: page.state() == "live")


def test_page_asks_more_rarely_the_longer_the_trouble_lasts(visit, server):
    page = visit()
    server.failure = 503
    for _ in range(60):  # five minutes, where a healthy page asks 60 times
        page.pass_time(POLL)
        page.page.wait_for_timeout(15)
    failures = server.answered.count(503)
    assert 4 <= failures <= 12
    page.complaints.clear()


def test_page_that_nobody_sees_does_not_ask_and_asks_at_once_when_seen_again(visit, server):
    page = visit()
    set_hidden = """hidden => {
      Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.page.evaluate(set_hidden, True)
    for _ in range(5):
        page.pass_time(POLL)
        page.page.wait_for_timeout(20)
    assert server.answered == [200]
    page.page.evaluate(set_hidden, False)
    until(lambda: len(server.answered) >= 2)


# --- names that bite -------------------------------------------------------------------------


MARKUP = [
    "<script>window.pwned = true</script>",
    "<img src=x onerror='window.pwned = true'>",
    "\u202eevil\u202c <b>bold</b>",
    "</bdi></th></tr></table><h1>owned</h1>",
    "javascript:alert(1)//${window.pwned=true}",
]


def test_markup_in_a_name_is_only_text(visit, server):
    rows = [participant(name, 90.0 - i, i + 1) for i, name in enumerate(MARKUP)]
    server.board = document([*rows, REFERENCE | {"name": MARKUP[0]}])
    page = visit()
    page.see(document([*reversed(rows), REFERENCE | {"name": MARKUP[0]}, CY]))
    assert page.names() == [*reversed(MARKUP), MARKUP[0], "Cy"]
    assert page.page.locator("#rows bdi *").count() == 0
    assert page.page.locator("h1").count() == 1
    assert page.page.evaluate("window.pwned") is None


def test_right_to_left_name_turns_nothing_around_but_itself(visit, server):
    server.board = document([participant("\u202eمحمد abc", 60.0, 1), BO])
    page = visit()
    boxes = page.page.evaluate(
        "[...document.querySelectorAll('#rows bdi, #rows .percent')]"
        ".map(e => e.getBoundingClientRect().left)"
    )
    (arabic, percent, latin, other_percent) = boxes
    assert arabic == pytest.approx(latin, abs=1)
    assert percent > arabic
    assert other_percent > latin


def test_inline_script_is_refused_and_reported(visit):
    """Shows that the check at the end of every visit can fail."""
    page = visit()
    page.page.evaluate(
        """() => { const script = document.createElement('script');
          script.textContent = 'window.pwned = true'; document.body.append(script) }"""
    )
    assert page.page.evaluate("window.pwned") is None
    assert "Content Security Policy" in page.complaints[0]
    page.complaints.clear()


# --- every screen ----------------------------------------------------------------------------


LONG = [
    "Maximiliane-Konstantina von Hohenlohe-Schillingsfürst zu Waldenburg, second attempt " * 2,
    "W" * 120,
    " ".join(["محمد بن موسى الخوارزمي"] * 5),
    "Z" + "\u0336\u0353\u0327\u035b" * 60,  # one letter, which nothing can break
]


MEASURES = """() => {
  const page = document.documentElement, all = part => [...document.querySelectorAll(part)];
  const edge = (part, side) => all(`[data-kind=participant] ${part}`)
    .map(e => { const text = new Range(); text.selectNodeContents(e);
                return text.getBoundingClientRect()[side] });
  const changed = edge('.changed', 'right'), interval = edge('.bounds', 'left');
  return {
    overflow: page.scrollWidth - page.clientWidth,
    cut: Math.max(...all('#rows bdi').slice(0, 3).map(e => e.scrollWidth - e.clientWidth)),
    lines: Math.max(...all('#rows bdi').map(
      e => e.offsetHeight / parseFloat(getComputedStyle(e).fontSize))),
    collisions: page.clientWidth > 1056 ? 0 : changed.filter((x, i) => x >= interval[i]).length,
  };
}"""


def test_nothing_overflows_or_collides_from_phone_to_projector(visit, server):
    rows = [
        participant(
            name, 90.0 - i, i + 1, rank_span=[1, 400], submissions=24, tied_with=[1, 3, 5, 7, 9],
            provisional=True, judge="another." * 9, protocol="x" * 32, finale=in_finale(i + 1),
        )
        for i, name in enumerate(LONG)
    ]  # fmt: skip
    board = document([*rows, REFERENCE, participant("Z", 1.0, 400, submissions=1000)])
    server.board = board | {"finale": FINALE}
    page = visit().page
    page.locator("#rows .toggle").first.press("Enter")
    for width in (320, 360, 768, 1056, 1057, 1280, 1920, 3840):
        page.set_viewport_size({"width": width, "height": 740})
        found = page.evaluate(MEASURES)
        assert found["overflow"] == 0, width
        assert found["cut"] <= 1, width  # names break within a line, none is cut at its end
        assert found["lines"] < 2.5, width
        assert found["collisions"] == 0, width


def test_top_of_the_board_is_large_on_a_projector(visit):
    page = visit(viewport=PROJECTOR)
    sizes = page.page.evaluate(
        "[...document.querySelectorAll('#rows tr')].map(row => [...row.querySelectorAll("
        "'.place, bdi, .percent')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert min(sizes[0]) >= 40
    assert min(itertools.chain(*sizes)) >= 26


def test_four_hundred_rows_are_shown_and_reordered(visit, server):
    def people(leader: int) -> list[dict[str, Any]]:
        order = sorted(range(400), key=lambda i: (i != leader, i))
        return [participant(f"P{i}", 100 - n / 5, n + 1) for n, i in enumerate(order)]

    server.board = document(people(0))
    page = visit()
    assert page.page.locator("#rows tr").count() == 400
    started = time.monotonic()
    page.see(document(people(399)))
    assert time.monotonic() - started < 3
    assert page.texts("#news") == ["P399 rises to rank 1 with 100.0 %."]


# --- for everyone ----------------------------------------------------------------------------


@pytest.mark.parametrize("viewport", [PHONE, LAPTOP])
def test_assistive_technology_finds_a_table_however_it_is_laid_out(visit, viewport):
    page = visit(viewport=viewport)
    nodes = page.context.new_cdp_session(page.page).send("Accessibility.getFullAXTree")["nodes"]
    nodes = [node for node in nodes if not node["ignored"]]

    def names(role: str) -> list[str]:
        found = [node for node in nodes if node["role"]["value"] == role]
        return [" ".join(node.get("name", {}).get("value", "").split()) for node in found]

    assert [name[:17] for name in names("table")] == ["Win rate: share o"]
    assert len(names("row")) == 1 + len(ROWS)
    headers = ["Rank", "Name", "Win rate", "Submissions", "Last change", "Details"]
    assert names("columnheader") == headers
    assert [name.split(" Baseline")[0] for name in names("rowheader")] == [r["name"] for r in ROWS]
    cells = names("cell") or names("gridcell")
    assert len(cells) == 5 * len(ROWS)
    assert cells[:2] == [f"1 could be 1{DASH}2", f"82.2 % interval 72.7{DASH}88.9"]
    assert cells[2:4] == ["3 submissions" if viewport == PHONE else "3", "2 days ago"]
    people = [row["name"] for row in ROWS if row["kind"] != "reference"]
    assert names("button") == [f"Details: {name}" for name in people]
    assert names("complementary") == ["About these numbers"]


def test_changes_and_connection_are_live_regions(visit):
    page = visit()
    assert page.page.locator("#news[role=status]").count() == 1
    assert page.page.locator("#connection[role=status]").count() == 1


def test_keyboard_focus_is_visible_and_its_link_works(visit):
    page = visit()
    page.page.keyboard.press("Tab")
    link = page.page.locator(":focus-visible")
    assert link.inner_text() == "How to read this board"
    style = link.evaluate(
        "e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]"
    )
    assert style == ["solid", "3px"]
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "reading"


def channel(value: float) -> float:
    """A channel's share of relative luminance (WCAG 2.2)."""
    value /= 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def contrast(one: list[float], other: list[float]) -> float:
    """WCAG 2.2's contrast ratio of two sRGB colours, 1 to 21."""
    lights = [
        0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
        for r, g, b, *_ in (one, other)
    ]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


TEXT_COLOURS = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3) return colour;
    }
  };
  return [...document.body.querySelectorAll('*')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => e.checkVisibility())
    .map(e => [e.textContent, numbers(getComputedStyle(e).color), behind(e)]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(visit, server, scheme):
    marked = BO | {"tied_with": [1], "provisional": True, "judge": "x", "finale": in_finale(1)}
    server.board = document([ADA, marked, REFERENCE, CY, UNTUNED]) | {"finale": FINALE}
    page = visit(color_scheme=scheme).page
    page.get_by_role("button", name="Details: Bo").click()
    for viewport in (LAPTOP, PHONE):
        page.set_viewport_size(viewport)
        texts = page.evaluate(TEXT_COLOURS)
        assert len(texts) > 50
        faint = [text for text, colour, ground in texts if contrast(colour, ground) < 4.5]
        assert faint == []


GRAPHICS = [
    ("--accent", "--paper"),
    ("--below", "--paper"),
    ("--below", "--band"),
    ("--muted", "--paper"),
    ("--muted", "--band"),
    ("--ink", "--accent-faint"),
    ("--ink", "--below-faint"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_whiskers_and_the_line_have_enough_contrast(visit, scheme):
    page = visit(color_scheme=scheme)

    def colour(name: str) -> list[float]:
        code = page.page.evaluate(
            "name => getComputedStyle(document.documentElement).getPropertyValue(name)", name
        )
        return list(bytes.fromhex(code.strip().removeprefix("#")))

    ratios = {pair: contrast(*map(colour, pair)) for pair in GRAPHICS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}


def test_light_and_dark_are_told_apart(visit):
    grounds = [
        visit(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(251, 252, 251)", "rgb(11, 17, 16)"]
