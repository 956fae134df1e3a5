"""Run a command that ends with its parent: `python child.py command ...`, see processes.py.

The process replaces itself with the command after asking Linux for SIGTERM when its parent is
gone. It is done here, and not between fork and exec, because Python may not run there safely.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    parent = int(sys.argv[1])
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - an argument list of our own


if __name__ == "__main__":
    main()
