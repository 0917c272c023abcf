"""Where the tasks of a command run: processes of this machine, or the workers of `--cluster`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.reporter.text import Screen
    from mlpcli.studies.cluster import Cluster
    from mlpcli.studies.elsewhere import Elsewhere


@contextmanager
def cluster_for(options: ClusterOptions, jobs: int | None, aside: Screen) -> Iterator[Cluster | None]:
    """The workers of --cluster, which are said; None where this machine does the work. Raises as `connected` does."""
    if options.cluster is None:
        yield None
        return
    if jobs is not None:
        raise UsageError("--jobs is for this machine, and the work is on --cluster", "leave out one of the two")
    from mlpcli.studies.cluster import connected

    with connected(options) as cluster:
        aside.say(f"cluster {options.cluster}: {cluster.status}")
        yield cluster
        aside.say(f"cluster {options.cluster}: {cluster.status}")


def on_workers(cluster: Cluster) -> Elsewhere:
    """What the workers do in place of this process; loaded only where there are some."""
    from mlpcli.studies.elsewhere import Elsewhere

    return Elsewhere(cluster)


def status_of(cluster: Cluster | None) -> Callable[[], str]:
    """What the workers are doing, in a few words."""
    return (lambda: "") if cluster is None else (lambda: cluster.status)
