"""Seeded defects: the product with one place wrong, of the kind that slips through a review.

Each is a text that stands exactly once in the product's code, and what stands there instead. A
text that is not there (any more) fails `make chaos-teeth` too: a defect that cannot be planted
proves nothing. Where one shows soonest is said by `day`: on a calm day nothing goes wrong at all,
so that what shows there is wrong by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Day = Literal["calm", "normal", "bad"]
LEAGUES = "leagues"
# For what takes a rarer coincidence than leagues have: the Hypothesis machines of the lines, of the
# limits and of the board, the test in which many write one place on the board, and the one in which
# a score and the end of its judging meet.
LINES = "tests/unit/test_lines_machine.py"
ACCOUNTS = "tests/unit/test_accounts_machine.py"
BOARDS = "tests/unit/test_board_machine.py"
SCORES = "tests/unit/test_judging_money.py"
BOARD = "tests/unit/test_standing.py"


@dataclass(frozen=True)
class Defect:
    """`why`: what becomes of people or money. `size` models make a league."""

    name: str
    why: str
    text: str
    instead: str
    day: Day = "calm"
    size: int = 20
    check: str = LEAGUES  # or a file of tests


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "no sweeper",
        "what an aborted execution leaves behind stays for ever",
        '    def sweep(self) -> None:\n        """Every duty',
        '    def sweep(self) -> None:\n        return\n        """Every duty',
        "bad",
    ),
    Defect(
        "no outbox",
        "a crash between accepting and starting loses the model",
        '        work.accept_write(record, "train", call.now),\n',
        "",
        "bad",
    ),
    Defect(
        "<= instead of <",
        "one slot more than there are instances",
        "return self.running < self.limit and not self.paused",
        "return self.running <= self.limit and not self.paused",
    ),
    Defect(
        "<> instead of <",
        "a limit lowered while the line is full is none",
        "return self.running < self.limit and not self.paused",
        "return self.running != self.limit and not self.paused",
        check=LINES,
    ),
    Defect(
        "pause ignored",
        "the kill switch stops nothing",
        "return self.running < self.limit and not self.paused",
        "return self.running < self.limit",
        check=LINES,
    ),
    Defect(
        "unlocked line",
        "two who decide at once grant the same slot",
        '"#version = :read" if line.version else "attribute_not_exists(#version)"',
        '"(#version = :read OR #version <> :read)" if line.version else ""',
    ),
    Defect(
        "earliest first",
        "whoever asks first for everything gets everything",
        "        if own == 0:\n            return wait\n",
        "        return wait\n",
    ),
    Defect(
        "first page only, of the table",
        "whoever stands on the second page is never looked at",
        '            if "LastEvaluatedKey" not in found:\n                return\n',
        "            return\n",
        size=60,  # more people than fit on a page
    ),
    Defect(
        "first page only, of SageMaker",
        "the fourth endpoint that is left behind stays",
        "        for page in pages:\n            for found in page[kind.field]:",
        "        for page in list(pages)[:1]:\n            for found in page[kind.field]:",
        "bad",
    ),
    Defect(
        "unlocked quota",
        "two requests at once both fit beneath a limit",
        "return update_write(keys.usage(participant, span), expression, values, condition, names)",
        "return update_write(keys.usage(participant, span), expression, "
        '{k: v for k, v in values.items() if not k.endswith("_before")}, "", names)',
    ),
    Defect(
        "limit off by one",
        "everybody may have one more than the event allows",
        'values |= {f":{c}_before": allowed[c] - counts[c] for c in bounded}',
        'values |= {f":{c}_before": allowed[c] for c in bounded}',
        check=ACCOUNTS,
    ),
    Defect(
        "practice given back twice",
        "two who end a practice judging at the same moment both give it back",
        '"practice_judging.#number = :number AND practice_judging.#state = :queued",',
        '"practice_judging.#number = :number AND :queued = :queued",',
        check=ACCOUNTS,
    ),
    Defect(
        "missing release",
        "a slot is held until the sweeper takes it back",
        '    released = lines().release(kind, name, fence, event.get("seconds"))\n',
        "    released = False\n",
    ),
    Defect(
        "release without fence",
        "whoever returns from the dead gives another's slot back",
        'if lease is None or fence not in (None, lease["fence"]):',
        "if lease is None:",
        check=LINES,
    ),
    Defect(
        "token dropped",
        "a slot is granted and nobody is told",
        "return any(self._answer(each, output) for each in reversed(self._tokens(kind, name)))",
        "return True",
    ),
    Defect(
        "lease never expires",
        "an execution that hangs keeps its slot",
        'parse_timestamp(lease["expires_at"]) <= self._now',
        "False",
        "bad",
    ),
    Defect(
        "tags unchecked, adopting",
        "somebody else's model is taken for ours",
        "if any(tags.get(tag) != expected[tag] for tag in OURS):",
        "if False:",
    ),
    Defect(
        "tags unchecked, sweeping",
        "somebody else's configuration is deleted",
        "return tags.get(TAG_EVENT) == self._event_name",
        "return True",
    ),
    Defect(
        "sweeping the living",
        "an endpoint is deleted while it answers",
        "if self._table.get(keys.lease(kind, resource.slot)) is not None:",
        "if False:",
    ),
    Defect(
        "teardown skipped",
        "the endpoint outlives its answers",
        '"Output": "{% $states.result.Payload %}",\n      "Next": "Delete endpoint"\n',
        '"Output": "{% $states.result.Payload %}",\n      "Next": "Release hosting slot"\n',
    ),
    Defect(
        "refund twice",
        "failing gives back more than it took",
        "amounts.setdefault(span, {})[name] = -1",
        "amounts.setdefault(span, {})[name] = -2",
        "normal",
    ),
    Defect(
        "ended twice",
        "two who end a model at the same moment both give back",
        'unchanged = f"({condition}) AND #seen = :seen"',
        'unchanged = f"({condition}) AND (#seen = :seen OR #seen <> :seen)"',
        check=SCORES,
    ),
    Defect(
        "unfinished for ever",
        "after three models nobody may train another one",
        '        amounts.setdefault("total", {})["unfinished"] = -1\n',
        "        pass\n",
    ),
    Defect(
        "no reason",
        "a participant is told that it failed, and not why",
        '        {"reason": reason},\n',
        "        {},\n",
        "normal",
    ),
    Defect(
        "cap unchecked",
        "more is committed than the event may spend",
        '+ "committed_musd <= :room",',
        '+ "(committed_musd <= :room OR committed_musd > :room)",',
    ),
    Defect(
        "reservation kept",
        "money that nobody spends closes the intake",
        "*self._moved(participant, charged_musd - reserved_musd, charged_musd),",
        "*self._moved(participant, charged_musd, charged_musd),",
    ),
    Defect(
        "no key of the request",
        "a request that is sent again trains a second model",
        'model_id = names.derived_id(call.participant, "model", call.key)',
        'model_id = names.derived_id(call.participant, "model", call.key, str(call.now))',
        "bad",
    ),
    Defect(
        "score not counted once",
        "a score that is written again counts as another submission",
        "table.transact([put_new_write(key, score), count, *checks])",
        "table.put(key, score); table.transact([count, *checks])",
        "bad",
    ),
    Defect(
        "score after the end",
        "a submission that was given back counts all the same",
        '() if "protocol" in event else (models.judging_check(record),)',
        "()",
        check=SCORES,
    ),
    Defect(
        "end after the score",
        "a score that counts is given back",
        'checks.append(absent_check(keys.score(record["id"], protocol)))',
        "pass",
        check=SCORES,
    ),
    Defect(
        "board without version",
        "a slower writer puts back what was on the board before",
        'unchanged, values[":seen"] = "#version = :seen", entry["version"]',
        'unchanged = "attribute_exists(pk)"',
        check=BOARD,
    ),
    Defect(
        "annulled on one board",
        "publishing another protocol brings back what was annulled",
        "for protocol in kept_protocols(call.event, call.services.event_state()):\n"
        "            standing.refresh(",
        "for protocol in [active_protocol(call.event, call.services.event_state())]:\n"
        "            standing.refresh(",
        check=BOARDS,
    ),
    Defect(
        "provisional for ever",
        "what the second games say never reaches the board",
        '    if score.get("provisional"):\n        return\n',
        "    return\n",
        check=BOARDS,
    ),
    Defect(
        "large endpoint never given back",
        "20 USD an hour until somebody looks",
        "            return self._close() == DELETING\n",
        "            return False\n",
        "bad",
    ),
)
