"""The model file: an .npz (stored zip of .npy members, no pickle) whose bytes are a pure function of its content.

`header.npy` holds a JSON text as bytes; the other members are arrays. Reading is strict with little code: what was
understood is packed again, and must give the same bytes. A flipped bit is then a wrong digest or a wrong frame, and
whatever zip tricks a file plays, it is not what `pack` writes. The digest tells damage, not trust.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import DataError, MachineError, ModelError
from mlpcli.files.atomic import write_atomically

FORMAT = 1
MAX_FILE_BYTES = 2 << 30  # bytes
MAX_HEADER_BYTES = 32 << 20  # bytes of JSON
MAX_VALUES = 2_000_000  # in the JSON; each takes up to 70 bytes of memory
MAX_DEPTH = 32  # nested brackets in the JSON
MAX_MEMBERS = 16
BLOCK = 1 << 20  # bytes looked at together
DTYPES = ("<f4", "<f8", "<i8", "|u1")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
HEADER = "header"
DAMAGED = "the file is damaged, was edited, or is no mlpcli model; train it again"

Arrays = Mapping[str, NDArray[Any]]


def pack(header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The bytes of a model file; `header` is JSON and gets the entries format and sha256.

    Raises DataError for a header larger than `unpack` takes.
    """
    body = {**header, "format": FORMAT}
    body["sha256"] = digest(body, arrays)
    written = canonical(body)
    if len(written) > MAX_HEADER_BYTES or not is_moderate(written):  # no reader would take it
        raise DataError("too many columns, categories or classes for a model file", "fewer columns with --drop")
    text = np.frombuffer(written, np.uint8)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, array in [(HEADER, text), *sorted(arrays.items())]:
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            info.create_system = 3
            archive.writestr(info, member.getvalue())
    return out.getvalue()


def canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, allow_nan=False, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def digest(body: Mapping[str, Any], arrays: Arrays) -> str:
    hashed = hashlib.sha256(canonical(body))
    for name, array in sorted(arrays.items()):
        hashed.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The inverse of `pack`. Raises ModelError for anything `pack` did not write."""
    members = split_members(data)
    header_bytes = members.pop(HEADER, None)
    if header_bytes is None:
        raise ModelError("not an mlpcli model", hint=DAMAGED)
    header = read_header(read_npy(header_bytes).tobytes())
    version = header.get("format")
    if type(version) is int and version != FORMAT:
        raise ModelError(
            f"format {version}; this mlpcli reads {FORMAT}",
            hint="upgrade mlpcli" if version > FORMAT else "train it again",
        )
    arrays = {name: read_npy(member) for name, member in members.items()}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ModelError("a weight is not a finite number", hint=DAMAGED)
    body = {k: v for k, v in header.items() if k not in ("format", "sha256")}
    if pack(body, arrays) != data:
        raise ModelError("the content does not match its digest", hint=DAMAGED)
    return body, arrays


LOCAL_HEADER = 30  # bytes before the name of a member
NAME = re.compile(rb"([a-z_]{1,40})\.npy")


def split_members(data: bytes) -> dict[str, bytes]:
    """The stored members from the start of the file on; the packing again proves the rest of the frame."""
    members: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == b"PK\x03\x04" and len(members) < MAX_MEMBERS:
        size = int.from_bytes(data[at + 18 : at + 22], "little")
        n_name = int.from_bytes(data[at + 26 : at + 28], "little")
        n_extra = int.from_bytes(data[at + 28 : at + 30], "little")
        start = at + LOCAL_HEADER + n_name
        name = NAME.fullmatch(data[at + LOCAL_HEADER : start])
        method = data[at + 8 : at + 10]
        if name is None or n_extra or method != b"\0\0" or start + size > len(data) or name[1].decode() in members:
            raise ModelError("not an mlpcli model", hint=DAMAGED)
        members[name[1].decode()] = data[start : start + size]
        at = start + size
    return members


NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)"
    rb"\{'descr': '(?P<dtype>[<|][a-z][0-9])', 'fortran_order': False, 'shape': \((?P<shape>[0-9, ]{0,40})\), \} *\n",
    re.DOTALL,
)


def read_npy(member: bytes) -> NDArray[Any]:
    """The array of an .npy of version 1.0, in C order, of up to two axes and one of DTYPES."""
    found = NPY.match(member[:128])  # NumPy fills it up to a multiple of 64, and two axes need no more
    if found is None or found["dtype"].decode() not in DTYPES:
        raise ModelError("an array has a form no mlpcli writes", hint=DAMAGED)
    shape = tuple(int(n) for n in found["shape"].decode().split(",") if n.strip())
    dtype = np.dtype(found["dtype"].decode())
    count = 1
    for n in shape:
        count *= n
    if len(shape) > 2 or count * dtype.itemsize != len(member) - found.end():
        raise ModelError(f"an array of shape {shape} does not fill its place", hint=DAMAGED)
    return np.frombuffer(member, dtype, offset=found.end()).reshape(shape)


def read_header(text: bytes) -> dict[str, Any]:
    """The JSON of a header: one object, no NaN, no doubled key, not nested too deep."""
    if len(text) > MAX_HEADER_BYTES or not is_moderate(text):
        raise ModelError("the header is too large", hint=DAMAGED)
    try:
        header = json.loads(text.decode("ascii"), object_pairs_hook=unique_keys, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError("the header is no JSON", hint=DAMAGED) from error
    if not isinstance(header, dict):
        raise ModelError("the header is no JSON object", hint=DAMAGED)
    return header


def is_moderate(text: bytes) -> bool:
    """Whether brackets nest no deeper than DEEPEST and there are no more than MOST_VALUES values.

    Marks inside texts count too, which only makes the bounds stricter.
    """
    depth = n_values = 0
    for start in range(0, len(text), BLOCK):
        block = np.frombuffer(text[start : start + BLOCK], np.uint8)
        opens, closes = np.isin(block, (0x5B, 0x7B)), np.isin(block, (0x5D, 0x7D))
        depths = depth + np.cumsum(opens.astype(np.int64) - closes)
        n_values += int(opens.sum()) + int((block == 0x2C).sum())
        if depths.max() > MAX_DEPTH or n_values > MAX_VALUES:
            return False
        depth = int(depths[-1])
    return True


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def save(path: str, header: Mapping[str, Any], arrays: Arrays) -> None:
    """Writes a model file so that `path` is the old or the complete new file. Raises MachineError."""
    data = pack(header, arrays)
    with write_atomically(path) as file:
        file.write(data)


def load(path: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Reads a model file. Raises ModelError for a file that is no intact model, MachineError for no file."""
    try:
        # Without O_NONBLOCK the opening of a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise MachineError(f"cannot read the model: {getattr(error, 'strerror', error)}", file=path) from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise ModelError("not a regular file", hint="name a model file that mlpcli train wrote", file=path)
    with os.fdopen(descriptor, "rb") as file:
        if found.st_size > MAX_FILE_BYTES:
            raise ModelError("larger than any mlpcli model", hint=DAMAGED, file=path)
        if file.read(4) != b"PK\x03\x04":
            raise ModelError("not an mlpcli model", hint="name a model file that mlpcli train wrote", file=path)
        file.seek(0)
        data = file.read()
    try:
        return unpack(data)
    except ModelError as error:
        raise ModelError(error.message, error.hint, file=path) from error


def versions() -> Mapping[str, str]:
    import pandas as pd  # a file is read and written without it

    from mlpcli import __version__

    return {"mlpcli": __version__, "numpy": np.__version__, "pandas": pd.__version__}
