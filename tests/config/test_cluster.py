"""Where the work is done: addresses that are none are refused before anything is begun."""

from __future__ import annotations

import pytest

from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.flags import from_text
from mlpcli.errors import UsageError

THREE = "ca.pem,cert.pem,key.pem"


@pytest.mark.parametrize(
    ("texts", "n_processes"),
    [
        ({}, 0), ({"cluster": "tcp://10.0.0.1:8786"}, 0), ({"cluster": "local:4"}, 4),
        ({"cluster": "tls://host:8786", "cluster_tls": THREE}, 0),
        ({"cluster": "local:1", "data_on_workers": "true"}, 1),
    ],
)  # fmt: skip
def test_a_scheduler_or_processes_of_this_machine(texts, n_processes):
    assert from_text(ClusterOptions, texts).n_processes == n_processes


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"cluster": "local:0"}, "local:1 to local:256, found 'local:0'"),
        ({"cluster": "local:two"}, "found 'local:two'"),
        ({"cluster": "host:8786"}, "found 'host:8786'"),
        ({"cluster": "tcp://"}, "a scheduler or local:N"),
        ({"cluster": "tcp://host"}, "a scheduler or local:N"),
        ({"cluster": "tcp://host:port"}, "a scheduler or local:N"),
        ({"cluster": "tls://host:8786"}, "belong together"),
        ({"cluster": "tcp://host:8786", "cluster_tls": THREE}, "belong together"),
        ({"cluster": "tls://host:8786", "cluster_tls": "ca.pem,cert.pem"}, "three files, found 'ca.pem,cert.pem'"),
        ({"cluster_tls": THREE}, "are for --cluster"),
        ({"data_on_workers": "true"}, "are for --cluster"),
    ],
)
def test_what_is_no_address_is_refused(texts, message):
    with pytest.raises(UsageError, match=message):
        from_text(ClusterOptions, texts)
