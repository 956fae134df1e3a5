"""Every reason why a model can end without a score, as a table in docs/failures.md.

python -m cli.failures_table            writes it
python -m cli.failures_table --check    fails when it is not what league/failures.py says
"""

import sys
from pathlib import Path

from league.failures import FAILURES

FILE = Path(__file__).resolve().parents[1] / "docs" / "failures.md"

HEAD = """\
# Why a model can end without a score

Generated from `league/failures.py` by `python -m cli.failures_table`.

Each of these is what `GET /models/{id}` answers as `reason`, what *Record failure* puts out and the
execution ends with, and what the sweeper records for an execution that is gone. `{detail}` is
SageMaker's own reason, or what an organizer wrote.

| code | when | sentence | next step | refunded |
|---|---|---|---|---|
"""


def text() -> str:
    """The table as it lies in docs/."""
    rows = [
        f"| `{failure.code}` | {failure.when} | {failure.message} | {failure.next_step} | "
        f"{'yes' if failure.refunded else 'no'} |\n"
        for failure in FAILURES.values()
    ]
    return HEAD + "".join(rows)


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
