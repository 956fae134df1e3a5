"""Verdict parsers as people write them, each with one defect. The corpus must tell every one apart
from the right one (`tests/unit/test_judging_parser.py`).

They take the completion and the stop reason, and return "1", "2", "tie" or None.
"""

import ast
import json
import re
import unicodedata

from league.judging import parse_verdict

WORDS = ("1", "2", "tie")


def _objects(text, decoder=None):
    """Every outermost JSON object, found the forgiving way."""
    decoder = decoder or json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)


def _winners(text, **options):
    return [o["winner"] for o in _objects(text, **options) if "winner" in o]


def _one(winners):
    """The one distinct winner, if it is one of the three words."""
    distinct = set(map(json.dumps, winners))
    return winners[0] if len(distinct) == 1 and winners[0] in WORDS else None


def _complete(stop_reason):
    return stop_reason in ("", "end_turn", "stop_sequence", "stop", "eos_token")


def first_match_wins(text, stop_reason):
    valid = [w for w in _winners(text) if w in WORDS]
    return valid[0] if valid and _complete(stop_reason) else None


def last_match_wins(text, stop_reason):
    valid = [w for w in _winners(text) if w in WORDS]
    return valid[-1] if valid and _complete(stop_reason) else None


def majority_wins(text, stop_reason):
    valid = [w for w in _winners(text) if w in WORDS]
    return max(valid, key=valid.count) if valid and _complete(stop_reason) else None


def conflict_is_a_tie(text, stop_reason):
    valid = {w for w in _winners(text) if w in WORDS}
    if not valid or not _complete(stop_reason):
        return None
    return valid.pop() if len(valid) == 1 else "tie"


def accepts_integers(text, stop_reason):
    winners = [str(w) if type(w) is int else w for w in _winners(text)]
    return _one(winners) if _complete(stop_reason) else None


def accepts_capitals(text, stop_reason):
    winners = [w.lower() if isinstance(w, str) else w for w in _winners(text)]
    return _one(winners) if _complete(stop_reason) else None


def accepts_white_space(text, stop_reason):
    winners = [w.strip() if isinstance(w, str) else w for w in _winners(text)]
    return _one(winners) if _complete(stop_reason) else None


def accepts_look_alikes(text, stop_reason):
    winners = [unicodedata.normalize("NFKC", w) if type(w) is str else w for w in _winners(text)]
    return _one(winners) if _complete(stop_reason) else None


def accepts_roles(text, stop_reason):
    names = {"candidate": "1", "reference": "2"}
    winners = [names.get(w, w) if isinstance(w, str) else w for w in _winners(text)]
    return _one(winners) if _complete(stop_reason) else None


def accepts_letters(text, stop_reason):
    names = {"A": "1", "B": "2"}
    winners = [names.get(w, w) if isinstance(w, str) else w for w in _winners(text)]
    return _one(winners) if _complete(stop_reason) else None


def accepts_sentences(text, stop_reason):
    winners = [str(w) for w in _winners(text)]
    found = [m[0] for w in winners if (m := re.search(r"[12]|tie", w))]
    return _one(found) if _complete(stop_reason) else None


def reads_prose(text, stop_reason):
    right = parse_verdict(text, stop_reason).winner
    if right or not _complete(stop_reason):
        return right
    found = re.findall(r"(?:winner|response|answer)\D{0,12}([12])", text, re.IGNORECASE)
    return found[-1] if found else None


def reads_by_regular_expression(text, stop_reason):
    found = re.findall(r'"winner"\s*:\s*"(1|2|tie)"', text)
    return _one(found) if found and _complete(stop_reason) else None


def ignores_the_stop_reason(text, stop_reason):
    return parse_verdict(text).winner


def knows_only_one_stop_reason(text, stop_reason):
    return None if stop_reason == "max_tokens" else parse_verdict(text).winner


def refuses_unless_the_turn_ended(text, stop_reason):
    return parse_verdict(text).winner if stop_reason == "end_turn" else None


def accepts_repeated_keys(text, stop_reason):
    return _one(_winners(text)) if _complete(stop_reason) else None


def accepts_a_nested_winner(text, stop_reason):
    def every(value):
        if isinstance(value, dict):
            yield from ([value["winner"]] if "winner" in value else [])
            for inner in value.values():
                yield from every(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from every(inner)

    try:
        winners = [w for o in _objects(text) for w in every(o)]
    except RecursionError:
        return None
    return _one(winners) if _complete(stop_reason) else None


def overlooks_a_nested_conflict(text, stop_reason):
    def unique(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    winners = _winners(text, decoder=json.JSONDecoder(object_pairs_hook=unique))
    return _one(winners) if _complete(stop_reason) else None


def accepts_nan(text, stop_reason):
    if "NaN" in text or "Infinity" in text:
        text = re.sub(r"-?\b(NaN|Infinity)\b", "0", text)
    return parse_verdict(text, stop_reason).winner


def mends_a_cut_off_end(text, stop_reason):
    for end in ("", "}", '"}', "}}", "}}}"):
        found = parse_verdict(text + end, stop_reason).winner
        if found:
            return found
    return None


def mends_trailing_commas(text, stop_reason):
    return parse_verdict(re.sub(r",\s*}", "}", text), stop_reason).winner


def reads_python_too(text, stop_reason):
    right = parse_verdict(text, stop_reason).winner
    if right or not _complete(stop_reason):
        return right
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    winner = value.get("winner") if isinstance(value, dict) else None
    return winner if isinstance(winner, str) and winner in WORDS else None


def forgives_the_case_of_the_key(text, stop_reason):
    return parse_verdict(re.sub("(?i)winner", "winner", text), stop_reason).winner


def accepts_other_keys(text, stop_reason):
    return parse_verdict(text.replace("verdict", "winner"), stop_reason).winner


def reads_only_the_whole_text(text, stop_reason):
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parse_verdict(text, stop_reason).winner if isinstance(value, dict) else None


def reads_only_the_last_line(text, stop_reason):
    lines = text.strip().splitlines() or [""]
    return parse_verdict(lines[-1], stop_reason).winner


def reads_only_after_thinking(text, stop_reason):
    return parse_verdict(text.rpartition("</think>")[2], stop_reason).winner


def reads_from_brace_to_brace(text, stop_reason):
    body = text[text.find("{") : text.rfind("}") + 1]
    return parse_verdict(body, stop_reason).winner


def needs_scores(text, stop_reason):
    read = parse_verdict(text, stop_reason)
    return read.winner if read.scores else None


def compares_scores_instead(text, stop_reason):
    read = parse_verdict(text, stop_reason)
    if not read.scores:
        return read.winner
    first, second = (sum(read.scores[name].values()) for name in ("response_1", "response_2"))
    return "tie" if first == second else "1" if first > second else "2"


DEFECTIVE = {
    name: parser
    for name, parser in list(globals().items())
    if callable(parser) and parser.__module__ == __name__ and not name.startswith("_")
}
