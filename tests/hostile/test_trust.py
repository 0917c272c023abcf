"""What a model file may not do, what it tells, and what else of ours others could misuse."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import socket
import stat
from pathlib import Path

import numpy as np
import pytest

import mlpcli
from mlpcli.config import Config
from mlpcli.errors import MachineError, ModelError
from mlpcli.files import archive
from mlpcli.files import atomic as files
from mlpcli.model.trained import load

SAMPLES = Path(__file__).parents[2] / "sample_data"
QUICK = ("--preset", "classic", "--epochs", "2", "-q")


@pytest.fixture
def edit(small, tmp_path):
    """A copy of the small model with an edited header or other arrays, and the digest that belongs to it."""

    def run(change, **arrays) -> str:
        header, own = archive.load(str(small / "iris.npz"))
        change(header)
        path = str(tmp_path / "m.npz")
        archive.save(path, header, own | arrays)
        return path

    return run


@pytest.fixture
def iris_with_batch_norm(tmp_path):
    path = str(tmp_path / "normed.npz")
    mlpcli.fit(str(SAMPLES / "iris.csv"), preset="classic", normalization="batch", epochs=1).save(path)
    return path


NAMES = ["__class__", "__init__", "os.system", "relu\0", "../relu", "", "RELU"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("setting", ["activation", "loss", "optimizer", "init", "schedule", "normalization", "scale"])
def test_X08_a_name_in_a_model_is_looked_up_in_closed_lists_alone(setting, name, edit):
    with pytest.raises(ModelError, match="no such choice"):
        load(edit(lambda h: h["config"].update({setting: name})))


def test_M12_an_array_that_no_model_has_is_refused(edit):
    with pytest.raises(ModelError, match="weights do not fit"):
        load(edit(lambda h: None, more=np.zeros(3, np.float32)))


def test_M08_weights_without_the_running_statistics_are_refused(iris_with_batch_norm, tmp_path):
    header, own = archive.load(iris_with_batch_norm)
    path = str(tmp_path / "m.npz")
    archive.save(path, header, {"members": own["members"][:, :-1]})
    with pytest.raises(ModelError, match="weights do not fit"):
        load(path)


def test_M16_slots_of_words_out_of_order_or_range_are_refused(tmp_path):
    words = np.random.default_rng(0).choice([f"word{i}" for i in range(40)], (120, 8))
    rows = "".join(f"{' '.join(row)} nr{i},{i % 2}\n" for i, row in enumerate(words))
    (tmp_path / "d.csv").write_text("review,y\n" + rows)
    path = str(tmp_path / "m.npz")
    mlpcli.fit(str(tmp_path / "d.csv"), preset="classic", epochs=1).save(path)
    assert load(path).schema.features[0].kind == "text"
    header, own = archive.load(path)
    (column,) = header["schema"]["columns"]
    good = column["slots"]
    for slots in ([*good[:-1], good[0]], [*good[:-1], 1 << 30], [-1, *good[1:]]):
        column["slots"] = slots
        archive.save(path, header, own)
        with pytest.raises(ModelError):
            load(path)


@pytest.mark.parametrize("shape", [(0, 0), (1, 0), (2, 1), (1, 10)])
def test_M08_weights_of_another_shape_are_refused(shape, edit):
    with pytest.raises(ModelError, match="weights do not fit"):
        load(edit(lambda h: None, members=np.zeros(shape, np.float32)))


@pytest.mark.parametrize("hidden", [[65536] * 100, [65536, 65536], [4000] * 3, [65536]])
def test_M08_layers_larger_than_the_weights_are_refused_before_they_are_made(hidden, edit, monkeypatch):
    monkeypatch.setattr("mlpcli.training.networks.mlp", None)
    with pytest.raises(ModelError, match="weights do not fit"):
        load(edit(lambda h: h["config"].update(hidden=hidden)))


def test_M11_weights_that_are_all_zero_are_weights(edit, small, call):
    path = edit(lambda h: None, members=np.zeros_like(archive.load(str(small / "iris.npz"))[1]["members"]))
    assert call("predict", path, small / "iris.csv")[0] == 0


@pytest.mark.parametrize("flags", [("--threshold", "0.5"), ()])
def test_M19_a_regression_has_no_classes(flags, call, tmp_path):
    data = SAMPLES / "diabetes.csv"
    model = tmp_path / "m.npz"
    assert call("train", data, "--target", "progression", *QUICK, "-o", model)[0] == 0
    if flags:
        code, _, err = call("predict", model, data, *flags)
        assert (code, "for models of two classes" in err) == (2, True)
    code, _, err = call("evaluate", model, data, "--metric", "accuracy")
    assert (code, "no metric 'accuracy' for regression" in err) == (2, True)


def test_M20_missing_columns_are_named(small, tmp_path, call):
    (tmp_path / "d.csv").write_text("petal_length,species\n" + "1,setosa\n" * 3)
    for command in ("predict", "evaluate"):
        code, out, err = call(command, small / "iris.npz", tmp_path / "d.csv")
        assert (code, out) == (1, "")
        assert "no column 'sepal_length', 'sepal_width', 'petal_width'" in err


def test_X12_a_model_tells_no_absolute_path_user_or_host(tmp_path, call):
    data = tmp_path / "private" / "d.csv"
    data.parent.mkdir()
    data.write_bytes((SAMPLES / "penguins.csv").read_bytes())
    assert call("train", data, *QUICK, "-o", tmp_path / "m.npz")[0] == 0
    content = (tmp_path / "m.npz").read_bytes()
    for secret in (str(tmp_path), "private", socket.gethostname(), getpass.getuser()):
        assert not re.search(rb"\b" + re.escape(secret.encode()) + rb"\b", content)
    header, arrays = archive.load(str(tmp_path / "m.npz"))
    shown = json.loads(call("inspect", tmp_path / "m.npz", "--json")[1])["record"]
    assert shown == header  # inspect shows all that is kept but the weights
    assert arrays.keys() == {"members"}


def test_X15_a_right_digest_is_no_sign_of_trust_and_the_readme_says_so(edit, small, call):
    turned = edit(lambda h: h["schema"]["target"]["labels"].reverse())
    assert load(turned).labels == ("virginica", "versicolor", "setosa")
    readme = " ".join((SAMPLES.parent / "README.md").read_text().split())
    assert "Loading any file is safe" in readme
    assert "as trustworthy as the author" in readme


def test_X09_a_temporary_file_is_new_unforeseeable_and_its_owners_alone(tmp_path, monkeypatch):
    opened, real = [], os.open

    def watching(path, flags, mode=0o777, **more):
        descriptor = real(path, flags, mode, **more)
        if str(path).endswith(".tmp"):
            opened.append((str(path), flags, stat.S_IMODE(os.fstat(descriptor).st_mode)))
        return descriptor

    monkeypatch.setattr(os, "open", watching)
    old = os.umask(0o027)
    try:
        for _ in range(2):
            archive.save(str(tmp_path / "m.npz"), {}, {"a": np.zeros(3, np.float32)})
    finally:
        os.umask(old)
    names = {name for name, _, _ in opened}
    assert len(names) == 2
    for name, flags, mode in opened:
        assert Path(name).parent == tmp_path
        assert flags & os.O_EXCL
        assert flags & os.O_CREAT
        assert mode == 0o600
        assert re.search(r"\.[0-9a-f]{16}\.tmp$", name)
    assert stat.S_IMODE((tmp_path / "m.npz").stat().st_mode) == 0o640
    (tmp_path / "m.npz").chmod(0o604)
    archive.save(str(tmp_path / "m.npz"), {}, {"a": np.zeros(3, np.float32)})
    assert stat.S_IMODE((tmp_path / "m.npz").stat().st_mode) == 0o604  # a file replaced keeps its permissions


def test_X11_a_bug_is_said_in_one_line_and_no_local_value_is_shown(small, call, monkeypatch):
    def broken(*args):
        secret = "a row of the data"
        raise RuntimeError("oh" if secret else "")

    monkeypatch.setattr("mlpcli.model.trained.load", broken)
    code, out, err = call("predict", small / "iris.npz", small / "iris.csv")
    assert (code, out) == (70, "")
    assert err.splitlines()[0] == "mlpcli: this is a bug in mlpcli: RuntimeError: oh"
    assert "--debug" in err
    code, _, err = call("predict", small / "iris.npz", small / "iris.csv", "--debug")
    assert code == 70
    assert "Traceback (most recent call last)" in err
    assert "secret = " not in err


@pytest.mark.slow
def test_X13_long_cells_are_judged_in_linear_time(call, tmp_path):
    """A pattern that goes back on itself would take hours for the last ones."""
    cells = [
        "1" * 300_000 + "x", "1," * 100_000 + "x", "+" * 300_000, "1e" * 100_000, "2024-" * 60_000,
        " " * 300_000 + "x", "$" + "1.1" * 100_000, "a.b" * 100_000,
    ]  # fmt: skip
    for cell in cells:
        (tmp_path / "d.csv").write_text(
            "x,z,y\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(60)) + f'"{cell}",1,1\n'
        )
        code, _, err = call("inspect", tmp_path / "d.csv", "--target", "y")
        assert code in (0, 1)
        assert "Traceback" not in err
        assert len(err) < 3000


@pytest.mark.slow
def test_X14_Z10_many_levels_share_one_input(tmp_path):
    from mlpcli.training.prepare import prepare

    levels = [f"k{i}" for i in range(20_000)]
    text = "x,k,y\n" + "".join(f"{i % 13},{levels[i % 20_000]},{i % 2}\n" for i in range(60_000))
    (tmp_path / "d.csv").write_text(text)
    prepared = prepare(str(tmp_path / "d.csv"), Config(ensemble=1, preset="classic", max_categories=50))
    assert prepared.schema.n_inputs <= 52


def test_Z05_a_full_disk_for_the_rows_is_said_and_nothing_is_left(call, small, tmp_path, monkeypatch):
    """Rows beyond the memory that was given lie in a file; there is no room for it."""
    x = np.random.default_rng(0).standard_normal((9000, 16)).round(3)
    lines = [",".join(map(str, row)) + f",{i % 2}\n" for i, row in enumerate(x.tolist())]
    (tmp_path / "d.csv").write_text(",".join(f"x{i}" for i in range(16)) + ",y\n" + "".join(lines))

    def full(descriptor, offset, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.chdir(tmp_path)
    code, _, err = call("train", "d.csv", "--memory", "1MB", *QUICK, "-o", "m.npz")
    assert code == 1
    assert "cannot write: No space left on device" in err
    assert os.listdir() == ["d.csv"]


# --- what is left of a file when things go wrong ------------------------------------------------------------


def test_N13_what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not(tmp_path):
    dead = tmp_path / f".m.npz.{2**22 + 1}.{'0' * 16}.tmp"
    of_init, own = (tmp_path / f".m.npz.{pid}.{'0' * 16}.tmp" for pid in (1, os.getpid()))
    endless, other = tmp_path / f".m.npz.{10**30}.{'0' * 16}.tmp", tmp_path / f".n.npz.{2**22 + 1}.{'0' * 16}.tmp"
    for path in (dead, of_init, own, endless, other):
        path.write_bytes(b"")
    archive.save(str(tmp_path / "m.npz"), {}, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["m.npz", of_init.name, own.name, endless.name, other.name]
    )


def test_N23_a_file_without_a_name_goes_where_there_is_room_or_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(tmp_path))
    os.close(files.unnamed_file("/nonexistent"))
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: "/nonexistent")
    with pytest.raises(MachineError, match="cannot write: No such file"):
        files.unnamed_file("/nonexistent")


def test_N03_what_may_not_be_written_to_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    path.write_bytes(b"")
    monkeypatch.setattr(os, "access", lambda where, mode: where != path)
    with pytest.raises(MachineError, match="may not be written to"):
        files.check_output(str(path), [])
    monkeypatch.setattr(os, "access", lambda where, mode: where != tmp_path)
    with pytest.raises(MachineError, match="cannot write to this folder"):
        files.check_output(str(path), [])


def test_N05_without_a_working_folder_a_name_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "realpath", lambda path: os.stat("/nonexistent"))
    with pytest.raises(MachineError, match="the working folder is gone"):
        files.resolved("m.npz")


def test_M18_a_model_larger_than_any_is_refused(small, tmp_path):
    path = tmp_path / "m.npz"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(archive.MAX_FILE_BYTES + 1)  # a hole: no disk is used
    with pytest.raises(ModelError, match="larger than any"):
        archive.load(str(path))


def test_N09_an_interruption_in_a_command_is_its_exit_code(small, call, monkeypatch):
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        monkeypatch.setattr("mlpcli.model.trained.load", lambda path, n=number: os.kill(os.getpid(), n))
        assert call("predict", small / "iris.npz", small / "iris.csv") == (code, "", "")


def test_N15_too_little_memory_is_said(small, call, monkeypatch, shell):
    def none_left(path):
        raise MemoryError

    done = shell("ulimit -v 150000; mlpcli inspect iris.csv; exit $?", small, COVERAGE_PROCESS_START=None)
    assert done.returncode == 1
    assert "not enough memory: the limit is 146 MB, and mlpcli needs about 256" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setattr("mlpcli.model.trained.load", none_left)
    code, _, err = call("predict", small / "iris.npz", small / "iris.csv")
    assert (code, err.splitlines()[0]) == (1, "mlpcli: not enough memory")
