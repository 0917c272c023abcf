"""Certificates for a scheduler at tls://: read, and tried on it, before any work."""

from __future__ import annotations

import shlex
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from mlpcli.errors import MachineError


def security(distributed: Any, address: str, files: tuple[str, ...], seconds: float) -> Any:
    """What Dask's client needs of an authority, a certificate and its key. Raises MachineError and OSError."""
    for path in files:
        with open(path, "rb"):
            pass
    authority, certificate, key = files
    check(address, context_of(authority, certificate, key), authority, seconds)
    return distributed.Security(
        tls_ca_file=authority, tls_client_cert=certificate, tls_client_key=key, require_encryption=True
    )


def context_of(authority: str, certificate: str, key: str) -> ssl.SSLContext:
    """Raises MachineError where a file is not what it should be."""
    try:
        context = ssl.create_default_context(cafile=authority)
    except ssl.SSLError as error:
        raise MachineError("--cluster-tls: no certificate in PEM in it", file=authority) from error
    context.check_hostname = False  # as Dask has it: a certificate is for a cluster, not for a machine
    try:
        context.load_cert_chain(certificate, key, password="")  # asked for nowhere
    except ssl.SSLError as error:
        message = f"--cluster-tls: not the key of {certificate}, or locked by a password"
        raise MachineError(message, f"openssl pkey -in {shlex.quote(key)} -out key.pem", file=key) from error
    return context


def check(address: str, context: ssl.SSLContext, authority: str, seconds: float) -> None:
    """MachineError where what answers speaks no TLS, or is of another authority; one that does not answer passes."""
    place = urlsplit(address)
    try:
        with (
            socket.create_connection((place.hostname or "", place.port or 0), seconds) as plain,
            context.wrap_socket(plain),
        ):
            pass
    except ssl.SSLCertVerificationError as error:
        message = f"--cluster-tls: not the authority that signed the certificate of {address}"
        raise MachineError(message, "take the one that the scheduler has as --tls-ca-file", file=authority) from error
    except (ssl.SSLError, TimeoutError, ConnectionResetError) as error:
        hint = f"--cluster tcp://{place.netloc} without --cluster-tls"
        raise MachineError(f"what answers at {address} speaks no TLS", hint) from error
    except OSError:
        pass  # Dask asks again, and for longer
