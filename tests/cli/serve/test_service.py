"""Bodies in, answers out: those of `predict`, to the byte, and a wrong row costs no other its answer."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
from command_line import mlpcli
from samples import DIABETES, PENGUINS

from mlpcli.cli.serve import service_of
from mlpcli.cli.serve.rows import RefusedError
from mlpcli.cli.serve.service import KINDS, Limits, Wishes
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import UsageError
from mlpcli.model.prediction import Predictor
from mlpcli.model.trained import load
from mlpcli.model.writing import FORMATS

LIMITS, NEVER = Limits(), float("inf")


@pytest.fixture(scope="module")
def service(penguins):
    return service_of(str(penguins / "model.npz"), Wishes(proba=True))


def predicted(path, data, form="csv", **asked):
    found = Predictor(load(str(path)), form=FORMATS[form], **asked)
    return b"".join(found.predict([data], "rows", ReadOptions()))


def test_a_csv_is_answered_as_predict_answers_it(service, penguins):
    data = PENGUINS.read_bytes()
    answer = service.answer(data, "text/csv; charset=utf-8", LIMITS, NEVER)
    assert (answer.status, answer.n_rows, answer.n_wrong) == (200, 344, 0)
    assert answer.content == predicted(penguins / "model.npz", data, proba=True)


@pytest.mark.parametrize("as_text", [False, True])
def test_rows_in_json_are_answered_as_the_same_rows_in_a_csv(service, penguins, rows, as_text):
    if as_text:
        rows = [{name: None if value is None else str(value) for name, value in row.items()} for row in rows]
    expected = predicted(penguins / "model.npz", PENGUINS.read_bytes(), "jsonl", proba=True)
    whole = service.answer(json.dumps(rows).encode(), "application/json", LIMITS, NEVER)
    lines = service.answer("\n".join(map(json.dumps, rows)).encode(), "application/x-ndjson", LIMITS, NEVER)
    assert lines.content == expected
    assert json.loads(whole.content) == [json.loads(line) for line in expected.splitlines()]
    one = service.answer(json.dumps(rows[5]).encode(), "application/json", LIMITS, NEVER)
    assert one.content == expected.splitlines(keepends=True)[5]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "diabetes.csv").write_bytes(DIABETES.read_bytes())
    options = ("-q", "-t", "progression", "--preset", "classic", "--epochs", "3", "-o", "m.npz")
    assert mlpcli("train", "diabetes.csv", *options, cwd=folder).returncode == 0
    return folder


def test_intervals_and_contributions_are_those_of_predict(numbers, call, monkeypatch):
    monkeypatch.chdir(numbers)
    data = b"".join(DIABETES.read_bytes().splitlines(keepends=True)[:4])
    found = service_of("m.npz", Wishes(interval=0.9, explain=2)).answer(data, "text/csv", LIMITS, NEVER)
    (numbers / "few.csv").write_bytes(data)
    assert found.content.decode() == call("predict", "m.npz", "few.csv", "--interval", "0.9", "--explain", "2", "-q")[1]


def test_what_the_model_does_not_know_is_refused_at_the_start(penguins):
    with pytest.raises(UsageError):
        service_of(str(penguins / "model.npz"), Wishes(interval=0.9))


def test_wrong_rows_of_a_csv_are_named_in_a_last_column(service, penguins):
    data = PENGUINS.read_bytes().splitlines(keepends=True)
    bad = [data[0], data[1], b"Dream,heavy,1,1,1,male,2007,x\n", b"1,2\n", b'Dream,"1"x,1,1,1,male,2007,x\n', data[2]]
    answer = service.answer(b"".join(bad), "text/csv", LIMITS, NEVER)
    right = predicted(penguins / "model.npz", b"".join(data[:3]), proba=True).decode().splitlines()
    lines = answer.content.decode().splitlines()
    assert (answer.status, answer.n_rows, answer.n_wrong) == (422, 5, 3)
    assert [lines[i] for i in (0, 1, 5)] == [right[0] + ",error", right[1] + ",", right[2] + ","]
    assert lines[2] == ",,,,\"column 'bill_length_mm': expected a number, found 'heavy'\""
    assert lines[3] == ',,,,"2 fields, the header has 8"'
    assert lines[4] == ",,,,a quote is missing or too many"


def test_wrong_rows_in_json_are_named_in_their_place(service, rows):
    bad = [rows[0], {}, rows[0] | {"year": "x" * 999}, rows[0] | {"year": 1e999}, 7]
    answer = service.answer(json.dumps(bad).encode().replace(b"Infinity", b"1e999"), "application/json", LIMITS, NEVER)
    found = json.loads(answer.content)
    assert (answer.status, answer.n_wrong) == (422, 4)
    assert found[0] == json.loads(
        service.answer(json.dumps(rows[0]).encode(), "application/json", LIMITS, NEVER).content
    )
    assert [row["error"].get("column") for row in found[1:]] == ["island", "year", "year", None]
    assert all(row["prediction"] is None for row in found[1:])
    assert found[2]["error"] == {"column": "year", "cell": "x" * 100, "reason": "expected a number"}
    assert "infinite" in found[3]["error"]["reason"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"a,b\n1,2\n", 422, ""), (b"", 422, "empty file"), (gzip.compress(b"a,b\n1,2\n", mtime=0), 415, "no CSV"),
        (b'[{"a": 1}]', 415, "no CSV"), (b'{"a": 1}', 415, "no CSV"), (b"PAR1" * 10, 415, "no CSV"),
        (b"\x00" * 1000, 422, ""), (b"island\xff\n", 422, ""),
    ],
)  # fmt: skip
def test_what_is_no_table_of_the_model_is_refused(service, body, status, message):
    with pytest.raises(RefusedError) as caught:
        service.answer(body, "text/csv", LIMITS, NEVER)
    assert caught.value.status == status
    assert message in caught.value.message


@pytest.mark.parametrize("media", ["text/csv", "application/json"])
def test_too_many_rows_and_too_little_time_are_refused(service, rows, media):
    body = PENGUINS.read_bytes() if media == "text/csv" else json.dumps(rows).encode()
    for limits, deadline, status in ((replace(LIMITS, rows=343), NEVER, 413), (LIMITS, 0.0, 503)):
        with pytest.raises(RefusedError) as caught:
            service.answer(body, media, limits, deadline)
        assert caught.value.status == status
    assert service.answer(body, media, replace(LIMITS, rows=344), NEVER).status == 200


def test_another_type_of_body_is_refused_with_those_there_are(service):
    with pytest.raises(RefusedError) as caught:
        service.answer(b"", "application/pickle", LIMITS, NEVER)
    assert caught.value.status == 415
    assert all(kind in str(caught.value.hint) for kind in KINDS)


def test_drift_is_reported_once(penguins, capsys):
    service = service_of(str(penguins / "model.npz"), Wishes(drift=True))
    data = PENGUINS.read_text().splitlines()
    odd = "\n".join([data[0], *(f"Dream,{row}.5,90,20,9,male,2007,x" for row in range(300))]).encode()
    for _ in range(2):
        service.answer(odd, "text/csv", LIMITS, NEVER)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "bill_length_mm" in service.drifted
    assert [event["name"] for event in events] == service.drifted
    assert len(set(service.drifted)) == len(service.drifted)
