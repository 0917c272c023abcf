"""What attacks on real exports and on the machine found ends in a message or a model; the ids are of a checklist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from command_line import mlpcli

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import scan
from mlpcli.data.dataset import DataSet
from mlpcli.data.fit_columns import Fitter
from mlpcli.evaluation import evaluate
from mlpcli.files import archive
from mlpcli.files.jsonable import to_json
from mlpcli.training.row_weights import given_weights

TINY = ("--preset", "classic", "--hidden", "4", "--epochs", "2")


def test_R06_a_sample_without_its_last_informative_row_costs_the_baseline_and_not_the_model(
    call, tmp_path, monkeypatch
):
    monkeypatch.setattr(evaluate, "MAX_EVALUATED", 20)
    (tmp_path / "d.csv").write_text("a,y\n" + "p,0\n" * 400 + "q,1\n" * 3)
    code, _, err = call("train", tmp_path / "d.csv", *TINY, "--target", "y", "-o", tmp_path / "m.npz")
    assert code == 0, err
    assert "no linear baseline: no column of its rows holds anything to learn from\n" in err
    assert (tmp_path / "m.npz").exists()
    code, out, err = call("evaluate", tmp_path / "m.npz")
    assert code == 0, err
    assert "no linear baseline" in out


@pytest.mark.filterwarnings("error")
def test_V03_weights_whose_sum_would_be_infinite_count_as_their_ratios(tmp_path):
    rows = "".join(f"{i % 7},{'1e308' if i % 2 else '1e-308'},{'pq'[i % 2]}\n" for i in range(40))
    (tmp_path / "d.csv").write_text("a,w,y\n" + rows)
    config = Config(weight="w", target="y")
    weights = given_weights(DataSet.read(str(tmp_path / "d.csv"), config, ReadOptions()), config)
    assert np.isfinite(weights.sum())
    assert 0.5 <= weights.max() < 1


IRIS = os.path.join(os.path.dirname(__file__), "..", "..", "sample_data", "iris.csv")


@pytest.mark.parametrize("at", [0, -1, 40])
def test_M11_a_checkpoint_with_a_huge_number_is_refused(at, call, tmp_path):
    flags = (IRIS, *TINY, "-q", "-o", tmp_path / "m.npz")
    assert call("train", *flags, "--checkpoint", tmp_path / "a.ckpt")[0] == 0
    header, arrays = archive.load(str(tmp_path / "a.ckpt"))
    vectors = arrays["members"].copy()
    vectors[0, at] = 3e38
    archive.save(str(tmp_path / "b.ckpt"), header, {"members": vectors})
    code, _, err = call("train", *flags, "--resume", tmp_path / "b.ckpt")
    assert code == 1
    assert "the checkpoint does not fit the settings" in err


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("block", [7, 1 << 20])
def test_E02_a_byte_order_mark_at_the_start_of_a_row_is_found_whatever_ends_the_lines(
    end, block, call, tmp_path, monkeypatch
):
    monkeypatch.setattr("mlpcli.data.text.PART", block)
    lines = ["k,v,y", *(f"p,0.{i},{'ab'[i % 2]}" for i in range(40))]
    lines[20] = "\ufeff" + lines[20]
    (tmp_path / "d.csv").write_bytes(end.join([*lines, ""]).encode())
    code, _, err = call("inspect", tmp_path / "d.csv")
    assert code == 1
    assert "d.csv:21: a byte-order mark (BOM) inside the file" in err


def test_S33_an_empty_zip_is_called_one(call, tmp_path):
    with zipfile.ZipFile(tmp_path / "d.csv", "w"):
        pass
    code, _, err = call("inspect", tmp_path / "d.csv")
    assert code == 1
    assert "d.csv: an empty zip file\n" in err


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "/dev/null", "too large"])
def test_R18_a_configuration_file_is_a_regular_file_of_a_page(kind, call, tmp_path):
    path = tmp_path / "c.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "too large":
        path.write_text("#" * 1_000_001)
    else:
        path.symlink_to(kind)
    code, _, err = call("inspect", IRIS, "--config", path)
    assert code == 2
    assert ("larger than 1 MB" if kind == "too large" else "no regular file") in err


@pytest.mark.timeout(30)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/urandom"])
def test_R18_a_device_is_no_data(device, call):
    code, _, err = call("inspect", device)
    assert code == 1
    assert "is a device, which may have no end" in err


@pytest.mark.slow
@pytest.mark.timeout(30)
def test_R18_a_pipe_of_nothing_but_zeros_is_refused_at_its_first_block(shell, tmp_path):
    done = shell("mlpcli inspect - < <(cat /dev/zero)", tmp_path)
    assert done.returncode == 1
    assert "nothing but NUL bytes" in done.stderr


def stopped_in(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    """A training in a process of its own, in which `code` has put a stop somewhere."""
    start = "import os, signal, sys, time\n" + code + "\nfrom mlpcli.__main__ import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", start, "train", *map(str, args)], capture_output=True, text=True, timeout=60
    )


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_N09_a_stop_while_a_module_is_imported_waits_for_its_end(number, code, tmp_path):
    (tmp_path / "stopping.py").write_text(
        "import os, signal, time\n"
        f"try:\n    os.kill(os.getpid(), signal.{number})\n    time.sleep(0.05)\n"
        "except BaseException as error:\n    raise ImportError('failed to import') from error\n"
    )
    done = stopped_in(
        f"""
sys.path.insert(0, {str(tmp_path)!r})
from mlpcli.files import atomic
def check(*args):
    import stopping
    time.sleep(60)
atomic.check_output = check""", IRIS, "-o", tmp_path / "m.npz",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.slow
def test_N09_an_import_without_end_does_not_hold_up_a_stop(tmp_path):
    (tmp_path / "endless.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(600)"
    )
    code = f"sys.path.insert(0, {str(tmp_path)!r})\nfrom mlpcli.files import atomic\natomic.check_output = __import__"
    code = code.replace("= __import__", "= lambda *args: __import__('endless')")
    assert stopped_in(code, IRIS, "-o", tmp_path / "m.npz").returncode == 143


@pytest.mark.slow
def test_R17_a_stop_does_not_wait_for_the_threads_that_parse(tmp_path):
    (tmp_path / "d.csv").write_text("a,y\n" + "1.5,2\n" * 500_000)
    code = """
from mlpcli.data import source
def endless(self, part):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(600)
source.Source.sample = lambda self, target: source.pd.DataFrame({n: ["1", "2"] for n in self.names})
source.Source.block = endless"""
    done = stopped_in(code, tmp_path / "d.csv", "--target", "y", "-q", "-o", tmp_path / "m.npz")
    assert (done.returncode, done.stderr) == (143, "")


def test_R17_a_header_of_too_many_columns_is_refused_with_the_memory_it_needs(call, tmp_path, monkeypatch):
    def names(*args):
        raise AssertionError("names are built")

    monkeypatch.setattr("mlpcli.data.scan.free_memory", lambda: 1_000_000_000)
    monkeypatch.setattr("mlpcli.data.source.header_names", names)
    (tmp_path / "d.csv").write_text("," * 60_000)
    code, _, err = call("inspect", tmp_path / "d.csv")
    assert code == 1
    assert "d.csv:1: 60,001 columns or more need about 1.2 GB of memory; 1.0 GB are free\n" in err


@pytest.mark.parametrize("command", ["train", "inspect"])
def test_R17_more_columns_than_a_model_holds_are_refused_before_names_are_built(command, call, tmp_path, monkeypatch):
    monkeypatch.setattr("mlpcli.data.source.MAX_COLUMNS", 50)
    for n in (50, 51):
        (tmp_path / f"{n}.csv").write_text(
            ",".join(f"c{i}" for i in range(n)) + "\n" + (",".join("12"[i % 2] for i in range(n)) + "\n") * 20
        )
    assert ":1: 51 columns" not in call(command, tmp_path / "50.csv")[2]
    monkeypatch.setattr("mlpcli.data.source.header_names", None)
    code, _, err = call(command, tmp_path / "51.csv")
    assert code == 1
    assert "51.csv:1: 51 columns or more need about 0.0 GB of memory; a model holds 50 columns\n" in err
    assert "take columns out of the file first" in " ".join(err.split())


def test_R17_the_most_columns_are_as_many_columns_of_numbers_as_a_model_file_holds():
    fitted = Fitter(Config().resolve("classification"), "classification", 1).number("a", np.arange(20.0), ple=False)
    text = json.dumps(to_json(fitted))
    assert sum(map(text.count, "[{,")) + 1 == scan.COLUMN_VALUES  # as a file's header is counted, one comma behind it


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("data", ["-", "wide.csv"])
def test_R17_rows_to_predict_are_refused_by_their_width_before_names_are_built(
    delimiter, data, call, tmp_path, monkeypatch
):
    assert call("train", IRIS, *TINY, "-q", "-o", tmp_path / "m.npz")[0] == 0
    known = delimiter.join(["sepal_length", "sepal_width", "petal_length", "petal_width"])
    text = known + "".join(f"{delimiter}c{i}" for i in range(60_000)) + "\n"
    (tmp_path / "wide.csv").write_text(text)
    monkeypatch.setattr("mlpcli.data.scan.free_memory", lambda: 1_000_000_000)
    monkeypatch.setattr("mlpcli.data.stream.header_names", None)
    done = mlpcli("predict", "m.npz", data, cwd=tmp_path, stdin=text)
    assert done.returncode == 1
    assert ":1: 60,004 columns or more need about 1.2 GB of memory; 1.0 GB are free (0 rows" in done.stderr


@pytest.mark.parametrize("part", [1, 1 << 20])
def test_R17_rows_are_not_counted_as_columns(part, call, tmp_path, monkeypatch):
    monkeypatch.setattr("mlpcli.data.scan.free_memory", lambda: 100_000)
    monkeypatch.setattr("mlpcli.data.text.PART", part)
    (tmp_path / "d.csv").write_text("a,b,y\n" + "".join(f"{i},{i % 3},{i % 2}\n" for i in range(40)))
    assert call("inspect", tmp_path / "d.csv")[0] == 0


@pytest.mark.slow
def test_metrics_whose_interval_does_not_hold_say_so(call, tmp_path):
    assert call("train", IRIS, *TINY, "-q", "-o", tmp_path / "m.npz")[0] == 0
    assert re.search(r"ece .*none that holds", call("evaluate", tmp_path / "m.npz", IRIS, "--verbose")[1])
    assert '"low": null, "high": null' in call("evaluate", tmp_path / "m.npz", IRIS, "--json")[1]


@pytest.mark.parametrize("is_heavy", [True, False])
def test_heavy_tails_of_the_errors_are_said_beside_the_intervals(is_heavy, call, tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.standard_t(1.5, 400) if is_heavy else rng.normal(size=400)
    (tmp_path / "d.csv").write_text("a,y\n" + "".join(f"{i % 7}.5,{n:.4f}\n" for i, n in enumerate(noise)))
    code, _, err = call("train", tmp_path / "d.csv", *TINY, "--task", "regression", "-o", tmp_path / "m.npz")
    assert code == 0, err
    assert (evaluate.HEAVY_TAILS in " ".join(err.split())) == is_heavy
    header, *rows = (tmp_path / "d.csv").read_text().splitlines(keepends=True)
    (tmp_path / "other.csv").write_text("".join([header, *rows[1:]]))
    code, out, err = call("evaluate", tmp_path / "m.npz", tmp_path / "other.csv")
    assert code == 0, err
    assert (evaluate.HEAVY_TAILS in " ".join((out + err).split())) == is_heavy
