"""`python -m local.chaos`: see `--help`."""

from __future__ import annotations

import argparse
import os
import sys

DESCRIPTION = """\
Proof that nothing is lost, nothing is left running and no cap is passed, whatever goes wrong.

  run     leagues under injected faults, in one process and in virtual time. The state machines, the
          functions and the table's semantics are the product's; training and answers are scripted.
  engine  the same on the real engine, over HTTP, in real time
  teeth   seeded defects in a copy of the product: each must be caught, or the command fails
  load    409 people and 4,100 models through the embedded cloud, in real time
"""


def main() -> int:
    """Exit status: 0 when everything held, 1 when something did not."""
    parser = argparse.ArgumentParser(
        prog="python -m local.chaos",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="leagues in virtual time")
    run.add_argument("--runs", type=_positive, default=1000, help="how many models at least (1000)")
    run.add_argument("--seed", type=int, default=1, help="the first league's seed (1)")
    run.add_argument(
        "--size", type=_positive, default=40, help="models a whole league asks for (40)"
    )
    run.add_argument("--workers", type=_positive, default=os.cpu_count() or 1, help="processes")
    run.add_argument(
        "--every-crash",
        action="store_true",
        help="instead: one crash before and after each side effect of each function",
    )
    run.add_argument(
        "--day",
        choices=("calm", "normal", "bad"),
        help="how much goes wrong; without it each league draws its own",
    )
    run.add_argument("--fail-fast", action="store_true", help="stop at the first broken league")
    engine = commands.add_parser("engine", help="leagues on the real engine")
    engine.add_argument("--runs", type=_positive, default=100, help="models (100)")
    engine.add_argument("--seed", type=int, default=1)
    teeth = commands.add_parser("teeth", help="seeded defects")
    teeth.add_argument("--only", default="", help="part of a defect's name")
    teeth.add_argument("--seed", type=int, default=1, help="the first league's seed (1)")
    teeth.add_argument("--workers", type=_positive, default=os.cpu_count() or 1, help="processes")
    load = commands.add_parser("load", help="a whole event's load")
    load.add_argument("--models", type=_positive, default=4100)
    load.add_argument("--participants", type=_positive, default=409)
    load.add_argument("--summary", default="build/chaos/load.json", help="where the summary goes")
    return _run(parser.parse_args())


def _positive(text: str) -> int:
    """
    Raises:
        ArgumentTypeError: `text` is no whole number from 1 on.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    # The commands import what they need themselves: virtual time must come before all else.
    if arguments.command == "run":
        _same_hashes()
        from local.chaos import runner

        return runner.main(arguments)
    if arguments.command == "teeth":
        from local.chaos import teeth

        return teeth.main(arguments)
    if arguments.command == "engine":
        from local.chaos import engine

        return engine.main(arguments)
    from local.chaos import load

    return load.main(arguments)


def _same_hashes() -> None:
    """A seed is one course of events only if sets are walked in one order."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "local.chaos", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
