"""A model, and a list of them, on a terminal: what GET /models/{id} and GET /models answer."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.estimate.report import duration
from league.names import ID_LENGTH
from league.records import FINISHED, ModelState, parse_timestamp
from league.text import shortened

WIDEST = 100  # columns of text that are still read easily
PIPED = 140  # where nobody looks: in a file, in a pipe
NAMES = 40  # characters of a name in a list
LABELS = 9  # columns of the longest label beside a value, "next step"
COLOURS: Mapping[str, str] = {
    ModelState.READY: "green",
    ModelState.SCORED: "green",
    ModelState.FAILED: "red",
    ModelState.ANNULLED: "yellow",
    ModelState.CANCELLED: "yellow",
}
UNDER_WAY = "cyan"
WHY: Mapping[str, str] = {
    ModelState.READY: "why it was not judged",
    ModelState.FAILED: "why it failed",
    ModelState.ANNULLED: "why it was annulled",
    ModelState.CANCELLED: "why it ended",
}
Answer = Mapping[str, Any]


def screen() -> Console:
    """Standard output: as wide as the terminal, and wider where there is none."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=PIPED)


def print_model(model: Answer, now: dt.datetime, console: Console) -> None:
    """All that a participant wants to know of a model, the reason of a failure first."""
    console.print(Constrain(Group(*_parts(model, now)), WIDEST))


def print_models(models: Sequence[Answer], console: Console) -> None:
    """One line for each."""
    if not models:
        console.print("You have no models yet: POST /models trains one.")
        return
    table = _table("name", "id", "state", "score, or why not", "created (UTC)")
    name, identifier, *_ = table.columns
    name.no_wrap = False  # the one that gives way
    identifier.min_width = ID_LENGTH
    for model in models:
        at = parse_timestamp(model["created_at"])
        table.add_row(
            Text(_plain(shortened(model["name"], NAMES))),
            model["id"],
            _state(model),
            Text(_outcome(model)),
            f"{at:%m-%d %H:%M}",
        )
    console.print(table)


def _parts(model: Answer, now: dt.datetime) -> Iterator[RenderableType]:
    yield Text.assemble((_plain(model["name"]), "bold"), "  ", _state(model))
    told = [model["id"], f"attempt {model['attempt']}"]
    told += ["submitted"] if model["submit"] else ["not submitted"]
    told += ["to be cancelled"] if _is_leaving(model) else []
    yield Text(", ".join(told), style="dim")
    if model["reason"]:
        yield ""
        title = WHY.get(model["state"], "what happened")
        colour = "red" if model["state"] == ModelState.FAILED else "yellow"
        yield _reason(title, model["reason"], colour)
    facts = [*_facts(model)]
    if facts:
        yield ""
        yield _pairs(facts)
    practice = model["practice_judging"]
    if practice and practice["reason"]:
        yield ""
        yield _reason("why its practice judging failed", practice["reason"], "yellow")
    yield ""
    yield _timeline(model, now)
    yield ""
    yield _costs(model["charges"])


def _reason(title: str, reason: Answer, colour: str) -> Panel:
    """The four fields of `league.records.Reason`."""
    lines = _pairs(
        [
            ("code", Text(_plain(reason["code"]), style="bold")),
            ("sentence", _plain(reason["message"])),
            ("next step", _plain(reason["next_step"])),
            ("refunded", "yes: it is given back" if reason["refunded"] else "no: it counts"),
        ]
    )
    return Panel(lines, title=title, title_align="left", border_style=colour)


def _facts(model: Answer) -> Iterator[tuple[str, str]]:
    queue, training, score = model["queue"], model["training"], model["score"]
    practice = model["practice_judging"]
    if queue:
        yield "waits", _place(queue)
    if training and training["eval_loss"] is not None:
        yield "training", _training(training)
    if score:
        yield "score", _score(score)
    if model["weights_expire"]:
        since = parse_timestamp(model["weights_expire"])
        yield "weights", f"not kept since {since:%Y-%m-%d %H:%M}; a score stands without them"
    if practice and practice["state"] == "judged" and practice["verdicts"]:
        yield "practice", _rate(practice["verdicts"])
    elif practice and not practice["reason"]:
        yield "practice", f"the practice judging is {practice['state']}"


def _place(queue: Answer) -> str:
    rest = queue["wait_seconds"]
    wait = "nobody can tell yet how long" if rest is None else f"about {duration(rest)} to go"
    line = f"place {queue['position']} of {queue['waiting']} in the line for a {queue['line']} slot"
    return f"{line}, {wait}"


def _training(training: Answer) -> str:
    told = [f"evaluation loss {training['eval_loss']:.4f}"]
    if training["best_epoch"] is not None:
        told.append(f"lowest in epoch {training['best_epoch']} of {len(training['epochs'])}")
    if training["overfitting"]:
        told.append("then it rises: overfitting")
    return ", ".join(told)


def _score(score: Answer) -> str:
    return _rate(score) + (", provisional" if score.get("provisional") else "")


def _rate(score: Answer) -> str:
    low, high = score["interval"]
    rate, among = f"{score['win_rate']:.1f} %", f"{score['questions']} questions"
    return f"win rate {rate} of {among} (95 % interval {low:.1f} to {high:.1f})"


def _timeline(model: Answer, now: dt.datetime) -> Table:
    """Each state with how long it lasted; a finished model's last one lasts for ever."""
    entries = model["timeline"]
    times = [parse_timestamp(entry["at"]) for entry in entries]
    lasted = [_span(later - at) for at, later in pairwise(times)]
    is_over = model["state"] in FINISHED
    lasted.append("" if is_over else f"{_span(now - times[-1])} so far")
    table = _table("state", "since (UTC)", "lasted")
    for entry, at, span in zip(entries, times, lasted, strict=True):
        state = Text(entry["state"], style=COLOURS.get(entry["state"], ""))
        note = f"  {_plain(entry['note'])}" if entry.get("note") else ""
        table.add_row(state, f"{at:%Y-%m-%d %H:%M:%S}", Text(span + note))
    return table


def _span(passed: dt.timedelta) -> str:
    """Clocks of two machines differ: what has just begun may seem to lie ahead."""
    return duration(max(0.0, passed.total_seconds()))


def _costs(charges: Sequence[Answer]) -> RenderableType:
    """By kind: the first word of what was charged (`training#1#7`)."""
    if not charges:
        return Text("It has cost nothing yet.", style="dim")
    sums: dict[str, list[float]] = {}
    for charge in charges:
        sums.setdefault(charge["what"].partition("#")[0], []).append(charge["usd"])
    table = _table("cost", "USD")
    table.columns[1].justify = "right"
    for what, parts in sums.items():
        label = f"{what} ({len(parts)} times)" if len(parts) > 1 else what
        table.add_row(Text(_plain(label)), f"{sum(parts):.4f}")
    table.add_row("together", f"{sum(map(sum, sums.values())):.4f}", style="bold")
    return table


def _outcome(model: Answer) -> str:
    """The score, or why there is none; a score that was annulled is shown by its reason."""
    if model["reason_code"]:
        return _plain(model["reason_code"])
    if model["win_rate"] is not None:
        return f"{model['win_rate']:.1f} %"
    return ""


def _state(model: Answer) -> Text:
    return Text(model["state"], style=COLOURS.get(model["state"], UNDER_WAY))


def _is_leaving(model: Answer) -> bool:
    return model["cancel_requested"] and model["state"] not in FINISHED


def _pairs(rows: Sequence[tuple[str, str | Text]]) -> Table:
    """Labels and values; a long value goes on below itself."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", min_width=LABELS, no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, value if isinstance(value, Text) else Text(value))
    return grid


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 2, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _plain(text: object) -> str:
    """A reason may quote a participant's rows: a terminal must not obey what stands in them."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))
