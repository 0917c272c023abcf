"""Where the work of a command is done: on this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from mlpcli.config.settings import setting
from mlpcli.errors import UsageError

CLUSTER = "Cluster"
LOCAL = "local:"  # before a number of processes
MAX_PROCESSES = 256
SCHEDULER = "--cluster tcp://HOST:8786"


@dataclass(frozen=True)
class ClusterOptions:
    """A scheduler, or so many processes of this machine; None is no cluster."""

    cluster: str | None = setting(
        None, "Work on a Dask cluster: its scheduler, tcp://HOST:8786, or local:N for N processes here.",
        group=CLUSTER, metavar="ADDRESS",
    )  # fmt: skip
    cluster_tls: tuple[str, ...] = setting(
        (), "Certificate authority, certificate and key, PEM files, for a scheduler at tls://.",
        group=CLUSTER, metavar="CA,CERT,KEY",
    )  # fmt: skip
    data_on_workers: bool = setting(
        False, "Workers read the data file themselves, where its path leads there too.", group=CLUSTER
    )

    def __post_init__(self) -> None:
        if self.cluster is None:
            if self.cluster_tls or self.data_on_workers:
                raise UsageError("--cluster-tls and --data-on-workers are for --cluster", SCHEDULER)
            return
        if self.cluster_tls and (len(self.cluster_tls) != 3 or not all(self.cluster_tls)):
            raise UsageError(
                f"--cluster-tls: expected three files, found '{','.join(self.cluster_tls)}'",
                "--cluster-tls ca.pem,cert.pem,key.pem",
            )
        scheme = self.cluster.partition("://")[0]
        if self.cluster.startswith(LOCAL):
            number = self.cluster.removeprefix(LOCAL)
            if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MAX_PROCESSES):
                raise UsageError(
                    f"--cluster: expected local:1 to local:{MAX_PROCESSES}, found '{self.cluster}'", "--cluster local:2"
                )
        elif scheme not in ("tcp", "tls") or not has_port(self.cluster):
            raise UsageError(f"--cluster: expected a scheduler or local:N, found '{self.cluster}'", SCHEDULER)
        if (scheme == "tls") != bool(self.cluster_tls):
            raise UsageError("--cluster tls://HOST:8786 and --cluster-tls belong together", SCHEDULER)

    @property
    def n_processes(self) -> int:
        """Of this machine; 0 for a scheduler."""
        is_local = self.cluster is not None and self.cluster.startswith(LOCAL)
        return int(str(self.cluster).removeprefix(LOCAL)) if is_local else 0


def has_port(address: str) -> bool:
    """Whether an address is that of a host and a port."""
    place = urlsplit(address)
    try:
        return bool(place.hostname and place.port)
    except ValueError:
        return False
