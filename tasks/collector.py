"""Python's search for cycles among objects, at rest while much is made of which nothing is a cycle.

Belongs here: resting it. Does not belong here: any work.
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
