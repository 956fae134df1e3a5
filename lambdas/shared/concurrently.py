"""Many slow calls at once, in order, bounded."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def concurrently(work: Callable[[Item], Result], items: Iterable[Item], limit: int) -> list[Result]:
    """`work` of every item, at most `limit` at a time, results in the order of the items.

    The first exception is raised once the calls under way have ended; what had not begun does not.
    """
    with ThreadPoolExecutor(max_workers=limit) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise
