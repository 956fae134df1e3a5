"""What the demo shows: each entry's progress live, then the board."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.demo.entries import REFUSED, Entry

JOURNEY = ("uploading", "queued", "training", "hosting", "answering", "judging", "scored")
COLOURS = {"scored": "green", "failed": "red", REFUSED: "yellow"}
BARS = "▁▂▃▄▅▆▇█"
CURVE = 10  # characters
PROVISIONAL = "~"


def progress(entries: list[Entry], began: float) -> Table:
    """One line per entry: where it is on its journey, its evaluation loss, its score.

    Fits 80 columns. The figures beside a curve are its first, lowest and last evaluation loss.
    """
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, title_justify="left")
    table.title = f"[bold]Models on their way[/]  {time.monotonic() - began:.0f} s"
    table.add_column("entry", no_wrap=True, max_width=20)
    table.add_column("journey", no_wrap=True, width=len(JOURNEY))
    table.add_column("state", no_wrap=True, width=9)
    table.add_column("evaluation loss", no_wrap=True, width=CURVE + 15)
    table.add_column("win rate", justify="right", no_wrap=True, width=8)
    for entry in entries:
        table.add_row(
            Text(entry.participant),
            _journey(entry.state),
            Text(entry.state, style=COLOURS.get(entry.state, "cyan")),
            _losses(entry.eval_losses),
            "" if entry.win_rate is None else f"{entry.win_rate:.1f} %",
        )
    return table


def step(entry: Entry, seconds: float) -> Text:
    """A step of an entry as one line, for output that is not a terminal."""
    line = f"  {seconds:4.0f} s  {entry.participant}: {entry.state}"
    return Text(line + ("" if entry.win_rate is None else f", win rate {entry.win_rate:.1f} %"))


def _journey(state: str) -> Text:
    if state in ("failed", REFUSED):
        return Text("✕", style=COLOURS[state])
    done = JOURNEY.index(state) + 1 if state in JOURNEY else 0
    return Text("●" * done, style="green") + Text("○" * (len(JOURNEY) - done), style="dim")


def _losses(losses: list[float]) -> str:
    """A small curve over the epochs, with its ends and its minimum in figures."""
    if not losses:
        return ""
    low, high = min(losses), max(losses)
    points = [losses[round(i * (len(losses) - 1) / (CURVE - 1))] for i in range(CURVE)]
    shown = losses if len(losses) < CURVE else points
    curve = "".join(BARS[int((loss - low) / ((high - low) or 1) * 7)] for loss in shown)
    return f"{curve:{CURVE}} {losses[0]:.2f}→{low:.2f}→{losses[-1]:.2f}"


def board(document: dict[str, Any]) -> Table:
    """The leaderboard as `GET /leaderboard` gave it.

    There is a column of ties where anybody is tied, and a note where a score is provisional.
    """
    rows = document["rows"]
    tied = any(row["tied_with"] for row in rows)
    table = Table(title=_title(document), title_justify="left", caption_justify="left")
    table.add_column("rank", justify="right")
    if tied:
        table.add_column("tied with")
    table.add_column("name")
    table.add_column("win rate", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("submissions", justify="right")
    for row in rows:
        low_high = row["interval"]
        table.add_row(
            str(row["rank"] or ""),
            *([", ".join(map(str, row["tied_with"] or []))] if tied else []),
            Text(row["name"]),
            f"{PROVISIONAL if row['provisional'] else ''}{row['win_rate']:.1f} %",
            f"{low_high[0]:.1f} to {low_high[1]:.1f}" if low_high else "",
            str(row["submissions"] or ""),
            style="" if row["kind"] == "participant" else "dim italic",
        )
    if any(row["provisional"] for row in rows):
        table.caption = f"{PROVISIONAL} provisional: second games are still to be played"
    return table


def _title(document: dict[str, Any]) -> Text:
    """The event, and by whom and under which protocol it was judged."""
    judged = f"{document['judge']['label']} · protocol {document['protocol']}"
    return Text.assemble((document["title"], "bold"), "\n", judged)


def reasons(console: Console, entries: list[Entry]) -> None:
    """What those without a score were told."""
    for entry in entries:
        if entry.reason:
            style = COLOURS.get(entry.state, "yellow")
            text = Text(entry.reason)
            title = f"{entry.participant} ({entry.dataset}): {entry.state}"
            console.print(Panel(text, title=title, title_align="left", border_style=style))
