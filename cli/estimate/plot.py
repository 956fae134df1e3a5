"""An estimate as a picture."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cli.estimate.demand import DAY, HOUR
from cli.estimate.estimate import Estimate, Result
from cli.estimate.report import PARTS, duration
from cli.estimate.simulation import Outcome
from cli.estimate.waits import PLACES, percentile, queue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INSTALL = "pip install matplotlib==3.11.2"
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a9691",
    "axes.labelcolor": "#53625d",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6ebe9",
    "xtick.color": "#53625d",
    "ytick.color": "#53625d",
    "legend.frameon": False,
    "text.color": "#0e1916",
    "svg.fonttype": "none",  # text stays text: half the size, and it can be searched
    "svg.hashsalt": "league estimate",  # the same picture is the same file
}
# Okabe and Ito's colours: to be told apart by everyone.
COLOURS = {"training": "#0072b2", "hosting": "#e69f00", "judging": "#cc79a7"}
PART_COLOURS = ("#0072b2", "#e69f00", "#cc79a7", "#56b4e9", "#009e73", "#8a9691", "#c9d1ce")
WRITTEN, RECOMMENDED = "#d55e00", "#009e73"


class MatplotlibMissing(Exception):
    """matplotlib is not installed; the message names the command that installs it."""


def draw(found: Estimate, file: Path) -> None:
    """Write the picture to `file`, in the format of its suffix: svg, png, pdf.

    Raises:
        MatplotlibMissing: it is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError:
        raise MatplotlibMissing(f"a picture needs matplotlib: {INSTALL}") from None
    with matplotlib.rc_context(STYLE):
        rows = 2 + len(found.alternatives)
        heights = [2.4, 2.9, 1.5, 0.9 + 0.21 * rows]
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
        figure = Figure(figsize=(11, sum(heights)), layout=layout)
        parts: Any = figure.subfigures(4, 1, height_ratios=heights, hspace=0.02)
        _queues(parts[0].subplots(), found.written.outcomes[0])
        left, right = parts[1].subplots(1, 2)
        _rush(left, found)
        _waits(right, found)
        _costs(parts[2].subplots(), found)
        _choices(parts[3].subplots(), found)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=110)


def _queues(axes: "Axes", outcome: Outcome) -> None:
    times = np.arange(0, outcome.demand.seconds + DAY, HOUR)
    opens = outcome.work.event.phases.league.opens
    days: Any = [opens + dt.timedelta(seconds=float(at)) for at in times]  # matplotlib knows them
    posted, _ = np.histogram([journey.posted for journey in outcome.journeys], bins=times)
    axes.stairs(posted, days, fill=True, color="#c9d1ce", label="POSTed in an hour")
    for place, counts in _lines(outcome, times).items():
        axes.plot(days, counts, color=COLOURS[place], label=_LABELS[place], linewidth=1.4)
    _mark_close(axes, opens + dt.timedelta(seconds=outcome.demand.seconds))
    _date_axis(axes, 2)
    axes.set(title="The whole event, as event.yaml says: who waits for what", ylabel="models")
    axes.set(ylim=(0, None), xlim=(days[0], days[-1]))
    axes.legend(loc="upper left", ncols=4)


_LABELS = {"training": "training slot", "hosting": "hosting slot", "judging": "judge"}


def _lines(outcome: Outcome, times: Iterable[float]) -> dict[str, list[int]]:
    journeys = [*outcome.submitted()]
    return {
        place: queue((getattr(journey, place) for journey in journeys), times) for place in PLACES
    }


def _rush(axes: "Axes", found: Estimate) -> None:
    """The lines around the close, as written and as recommended."""
    close = found.written.outcomes[0].demand.seconds
    times = np.arange(close - 1.5 * DAY, close + 0.75 * DAY, 600)
    hours = (times - close) / HOUR
    for result, style in ((found.written, "-"), (found.recommended, ":")):
        for place, counts in _lines(result.outcomes[0], times).items():
            label = _LABELS[place] if style == "-" else None
            axes.plot(hours, counts, style, color=COLOURS[place], label=label, linewidth=1.4)
    axes.plot([], [], ":", color="#53625d", label="recommended")
    _mark_close(axes, 0)
    axes.set(title="Around the close: who waits", ylabel="models", ylim=(0, None))
    axes.set(xlabel="hours from the close", xlim=(hours[0], hours[-1]))
    axes.legend(loc="upper left")


def _waits(axes: "Axes", found: Estimate) -> None:
    """From POST to score by the hour of the POST: half of the models, and 95 of 100."""
    for result, colour, label in (
        (found.written, WRITTEN, "as event.yaml says"),
        (found.recommended, RECOMMENDED, "with the recommended quotas"),
    ):
        hours, half, most = _by_hour(result.outcomes[0])
        axes.fill_between(hours, half, most, color=colour, alpha=0.2, linewidth=0)
        axes.plot(hours, half, color=colour, linewidth=1.6, label=label)
    axes.set(title="Around the close: from POST to score", yscale="log")
    ticks = [m * 60 for m in (15, 30, 60, 120, 240, 480, 960, 1920)]
    axes.set_yticks(ticks, [duration(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="POSTed, hours from the close (line: half of them, band: up to 95 of 100)")
    axes.set(xlim=(-36, 0))
    axes.legend(loc="upper left")


def _by_hour(outcome: Outcome) -> tuple[list[float], list[float], list[float]]:
    found: dict[int, list[float]] = {}
    for journey in outcome.submitted():
        hour = int((journey.posted - outcome.demand.seconds) // HOUR)
        if hour >= -36:
            found.setdefault(hour, []).append(journey.done - journey.posted)
    hours = sorted(found)
    half, most = ([percentile(found[hour], of) for hour in hours] for of in (50, 95))
    return [hour + 0.5 for hour in hours], half, most


def _costs(axes: "Axes", found: Estimate) -> None:
    results = {"recommended": found.recommended, "event.yaml": found.written}
    left = np.zeros(2)
    for (part, label), colour in zip(PARTS.items(), PART_COLOURS, strict=True):
        widths = [getattr(result.costs[0], part) for result in results.values()]
        axes.barh([*results], widths, left=left, color=colour, label=label, height=0.6)
        for row, width in enumerate(widths):
            if width > 0.04 * found.recommended.costs[0].total:
                centre = left[row] + width / 2
                axes.text(centre, row, f"{width:,.0f}", ha="center", va="center", color="white")
        left += widths
    for row, total in enumerate(left.tolist()):
        axes.text(total + 0.006 * left.max(), row, f"{total:,.0f}", va="center", weight="bold")
    axes.set(title="Expected cost, USD", xlim=(0, 1.1 * left.max()))
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0), ncols=4, fontsize=8)


def _choices(axes: "Axes", found: Estimate) -> None:
    """Every choice's wait from POST to score, and what it costs."""
    results = [found.written, found.recommended, *found.alternatives][::-1]
    rows = np.arange(len(results))
    # Nobody's wait is none, which has no place on a logarithmic axis.
    half = [max(1.0, result.waits[0].total.p50) for result in results]
    most = [max(1.0, result.waits[0].total.p95) for result in results]
    axes.hlines(rows, half, most, color="#a9b5b0", linewidth=2)
    axes.plot(half, rows, "o", color="#8a9691", markersize=4, label="half of the submissions")
    axes.scatter(most, rows, s=38, color=[_colour(one, found) for one in results], zorder=3)
    axes.plot([], [], "o", color="#0072b2", label="95 of 100")
    axes.set_yticks(rows, [result.scenario.label for result in results])
    for row, result in enumerate(results):
        cost = f"{result.costs[0].total:,.0f} USD"
        beside = axes.get_yaxis_transform()  # x by the axes' width, y by row
        axes.text(1.1, row, cost, transform=beside, ha="right", va="center")
    axes.set(xscale="log", ylim=(-0.7, len(results) - 0.3))
    ticks = [m * 60 for m in (15, 30, 60, 120, 240, 480, 960, 1920, 3840)]
    shown = [tick for tick in ticks if min(half) * 0.7 < tick < max(most) * 1.4]
    axes.set_xticks(shown, [duration(tick) for tick in shown])
    axes.minorticks_off()
    axes.set(title="What each choice changes: from POST to score in the last 24 hours, and cost")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.05), ncols=2)


def _colour(result: Result, found: Estimate) -> str:
    if result is found.written:
        return WRITTEN
    return RECOMMENDED if result is found.recommended else "#0072b2"


def _mark_close(axes: "Axes", at: Any) -> None:
    axes.axvline(at, color="#53625d", linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        "close",
        (at, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -9),
        textcoords="offset points",
        color="#53625d",
        fontsize=8,
    )


def _date_axis(axes: "Axes", days: int) -> None:
    from matplotlib import dates

    locator: Any = dates.DayLocator  # matplotlib leaves these two without types
    formatter: Any = dates.DateFormatter
    axes.xaxis.set_major_locator(locator(interval=days))
    axes.xaxis.set_major_formatter(formatter("%a %-d %b"))
