"""Scores blocks of people on a Dask cluster, through Prefect's Dask task runner, instead of on local threads.

Belongs here: how blocks reach a cluster and come back in order. Does not belong here: what is done with a block
(mentoring.matching.pricing), whether a cluster is used (tasks.settings). Needs the extra `dask`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mentoring.errors import PlainError

if TYPE_CHECKING:
    from mentoring.matching.pricing import MapBlocks, Pairs, Tile

#: Instead of a scheduler's address: a cluster of processes on this machine, for as long as it is needed.
LOCAL = "local"
#: Blocks that travel together.
_PER_CALL = 16
#: Calls per thread of the cluster that are under way at once: results wait in the cluster, not here.
_AHEAD = 4


class ScoringClusterError(PlainError):
    """The cluster can't be used; the text is one sentence with the mend."""


@contextmanager
def open_workers(address: str | None) -> Iterator[MapBlocks | None]:
    """Yield what `find_matches` takes as `workers`: a cluster, or, without an address, None for local threads."""
    if address is None:
        yield None
        return
    with open_scoring_cluster(address) as workers:
        yield workers


@contextmanager
def open_scoring_cluster(address: str) -> Iterator[MapBlocks]:
    """Yield what `find_matches` takes as `workers`: blocks are scored on the cluster at `address`, or a local one.

    `address` is that of a Dask scheduler (`tcp://host:8786`) or `local`. The result is the same as without a cluster.
    Raises `ScoringClusterError` when the extra is not installed or nobody answers at the address.
    """
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise ScoringClusterError(
            "Scoring on a Dask cluster needs the extra “dask”; install it, or leave MENTORING_DASK unset."
        ) from None
    runner = DaskTaskRunner(**_describe_cluster(address))
    with runner:
        try:
            client = runner.client
        except (OSError, TimeoutError, ValueError):
            raise ScoringClusterError(
                f"No Dask scheduler answers at {address}; start it, or correct MENTORING_DASK."
            ) from None
        yield lambda work, tiles: _map_blocks(client, work, tiles)


def _describe_cluster(address: str) -> dict[str, Any]:
    if address != LOCAL:
        return {"address": address, "client_kwargs": {"timeout": "20s"}}
    # the dashboard would open a port that nobody asked for
    return {"cluster_kwargs": {"dashboard_address": None, "threads_per_worker": 1}}


def _map_blocks(client: Any, work: Callable[[Tile], Pairs], tiles: Sequence[Tile]) -> Iterator[Pairs]:
    """Do the work on every tile, and give the results in the order of the tiles."""
    # the features travel once per scan, not once per block
    everywhere = client.scatter(work, broadcast=True, hash=False)
    most = _AHEAD * max(sum(client.nthreads().values()), 1)
    under_way: deque[Any] = deque()
    for start in range(0, len(tiles), _PER_CALL):
        some = tiles[start : start + _PER_CALL]
        under_way.append(client.submit(_work_on, everywhere, some, pure=False))
        if len(under_way) >= most:
            yield from under_way.popleft().result()
    while under_way:
        yield from under_way.popleft().result()


def _work_on(work: Callable[[Tile], Pairs], tiles: Sequence[Tile]) -> list[Pairs]:
    return [work(tile) for tile in tiles]
