"""Python's search for cycles among objects, held back while much is made of which nothing is a cycle.

Belongs here: holding it back. Does not belong here: any work.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Spare Python the search until the block ends: among thousands of cells and answers it takes half the time.

    What nobody refers to any more is freed at once all the same. Also a decorator.
    """
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


@contextmanager
def collector_seldom_at_work() -> Iterator[None]:
    """Have Python search seldom until the block ends: a year lived in one process makes millions of short-lived values.

    Also a decorator.
    """
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
