"""A scheduler and a worker with certificates of a throw-away authority: who has others is refused in one line."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
from samples import IRIS

from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import MachineError
from mlpcli.studies.cluster import connected

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the command openssl makes the certificates")

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
OWN = ("ca.pem", "cert.pem", "key.pem")
SCHEDULERS = """
import asyncio, distributed as d
async def main():
    files = {f"tls_{role}_{what}": f"{what}.pem" for role in ("scheduler", "worker") for what in ("cert", "key")}
    own = d.Security(tls_ca_file="ca.pem", require_encryption=True, **files)
    quiet = {"host": "127.0.0.1", "dashboard_address": None}
    async with d.Scheduler(protocol="tls", port=0, security=own, **quiet) as s, d.Scheduler(port=0, **quiet) as any:
        async with d.Worker(s.address, security=own, nthreads=1, **quiet):
            print(s.address, any.address, flush=True)
            await s.finished()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder with two authorities, a certificate and key of the first, and what is neither."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl("req", "-x509", *NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
    openssl("req", *NEW_KEY, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=worker")
    signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
    openssl("x509", "-req", "-in", "request.pem", *signed_by, "-out", "cert.pem", "-days", "1")
    openssl("pkey", "-in", "key.pem", "-out", "locked.pem", "-aes128", "-passout", "pass:word")
    (folder / "junk.pem").write_text("neither\n")
    return folder


@pytest.fixture(scope="module")
def schedulers(certificates):
    """The address of a scheduler with certificates and a worker, and of one without."""
    command = [sys.executable, "-c", SCHEDULERS]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=certificates, text=True, **quiet) as process:
        yield process.stdout.readline().split()
        process.kill()


@pytest.mark.slow
def test_a_command_works_through_a_scheduler_with_certificates(call, schedulers, certificates, monkeypatch):
    monkeypatch.chdir(certificates)
    args = ("cv", str(IRIS), "--preset", "classic", "--epochs", "2", "--folds", "2", "--json")
    code, out, err = call(*args, "--cluster", schedulers[0], "--cluster-tls", ",".join(OWN))
    assert code == 0, err
    assert f"cluster {schedulers[0]}: 1 worker: 2 done" in err
    assert json.loads(out)["metrics"] == json.loads(call(*args)[1])["metrics"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("other.pem", "cert.pem", "key.pem"), "other.pem: --cluster-tls: not the authority that signed"),
        (("ca.pem", "other.pem", "other.key"), "breaks the connection off"),
        ((), "breaks the connection off"),
    ],
)
def test_a_scheduler_with_certificates_refuses_others(files, message, schedulers, certificates, monkeypatch):
    monkeypatch.chdir(certificates)
    address = schedulers[0] if files else schedulers[0].replace("tls://", "tcp://")
    with pytest.raises(MachineError, match=message), connected(ClusterOptions(address, files)):
        pass


@pytest.mark.slow
def test_a_scheduler_without_certificates_is_not_asked_for_one(schedulers, certificates, monkeypatch):
    monkeypatch.chdir(certificates)
    address = schedulers[1].replace("tcp://", "tls://")
    with pytest.raises(MachineError, match="speaks no TLS"), connected(ClusterOptions(address, OWN)):
        pass


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("junk.pem", "cert.pem", "key.pem"), "junk.pem: --cluster-tls: no certificate in PEM in it"),
        (("ca.pem", "cert.pem", "other.key"), "other.key: --cluster-tls: not the key of cert.pem, or locked"),
        (("ca.pem", "cert.pem", "junk.pem"), "junk.pem: --cluster-tls: not the key of cert.pem, or locked"),
        (("ca.pem", "cert.pem", "locked.pem"), "locked.pem: --cluster-tls: not the key of cert.pem, or locked"),
        (("ca.pem", "cert.pem", "none.pem"), "none.pem: --cluster-tls: cannot read: No such file"),
        (("ca.pem", "cert.pem", "shut.pem"), "shut.pem: --cluster-tls: cannot read: Permission denied"),
    ],
)
def test_files_that_are_no_certificates_are_named(files, message, certificates, monkeypatch):
    monkeypatch.chdir(certificates)
    (certificates / "shut.pem").touch(mode=0o000)
    if os.access("shut.pem", os.R_OK) and "shut.pem" in files:
        pytest.skip("this user reads every file")
    with pytest.raises(MachineError, match=message), connected(ClusterOptions("tls://127.0.0.1:9", files)):
        pass


def test_where_nothing_answers_dask_asks_again(certificates, monkeypatch):
    monkeypatch.chdir(certificates)
    monkeypatch.setattr("mlpcli.studies.cluster.CONNECT_SECONDS", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tls://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(MachineError, match="no scheduler answers"), connected(ClusterOptions(address, OWN)):
        pass
