"""Every reason why a model, or a practice judging, can end without a result: docs/failures.md.

python -m cli.failures_table            writes it
python -m cli.failures_table --check    fails when it is not what the code says
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from league import failures, practice
from league.failures import Failure

FILE = Path(__file__).resolve().parents[1] / "docs" / "failures.md"

HEAD = """\
# Why a model can end without a score

Generated from `league/failures.py` and `league/practice.py` by `python -m cli.failures_table`.

Each of these is what `GET /models/{id}` answers as `reason`, what `league model show` explains,
what *Record failure* puts out and the execution ends with, and what the sweeper records for an
execution that is gone. `{detail}` is what the training script said, or what an organizer wrote.
`already_ended` is no model's reason: only an execution ends with it, and `{detail}` is the model's
state.

"""
PRACTICE = """
## Why answers can be left unjudged by the practice judge

What the same answer says as `practice_judging.reason`, and what *Record practice failure* puts out
and the execution ends with. Given back is the practice judging; the model stays as it is.

"""
COLUMNS = """\
| code | when | sentence | next step | refunded |
|---|---|---|---|---|
"""


def text() -> str:
    """The tables as they lie in docs/."""
    models, practising = failures.FAILURES.values(), practice.FAILURES.values()
    return HEAD + _table(models) + PRACTICE + _table(practising)


def _table(rows: Iterable[Failure]) -> str:
    return COLUMNS + "".join(
        f"| `{failure.code}` | {failure.when} | {failure.message} | {failure.next_step} | "
        f"{'yes' if failure.refunded else 'no'} |\n"
        for failure in rows
    )


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        stale = not FILE.exists() or FILE.read_text(encoding="utf-8") != text()
        if stale:
            print("docs/failures.md is not up to date: run python -m cli.failures_table")
        return int(stale)
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
