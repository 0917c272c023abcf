"""The rows explained on are the test rows, or those of another table, a sample where there are many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import mlpcli
from mlpcli.config.settings import ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import TEST
from mlpcli.errors import DataError, UsageError
from mlpcli.evaluation.explain import rows as room
from mlpcli.evaluation.explain.rows import background_rows, check_columns, explained_rows, one_row

READ = ReadOptions()


def test_those_of_the_training_file_are_its_test_rows(laws, made):
    model = laws(lambda c: c["a"])
    path = model.record.data.path
    file = model.path.replace("model.npz", path)
    table = DataSet.read(file, model.config, READ)
    for data in (None, file, made().drop(columns="is")):
        rows = explained_rows(model, data)
        if isinstance(data, str | None):
            assert rows.description == "300 test rows"
            assert np.array_equal(rows.truth, table.y_cells[table.sets == TEST])
        assert rows.x == pytest.approx(model.schema.encode(rows.frame))


def test_other_tables_give_all_rows_that_have_a_target_and_need_none_without(laws, tmp_path, made):
    model = laws(lambda c: c["a"])
    frame = made(7, 50).drop(columns="is")
    frame.loc[3, "y"] = np.nan
    frame.to_csv(tmp_path / "new.csv", index=False)
    frame.drop(columns="y").to_csv(tmp_path / "bare.csv", index=False)
    new, bare = str(tmp_path / "new.csv"), str(tmp_path / "bare.csv")
    assert explained_rows(model, new).description == "49 rows"
    assert explained_rows(model, frame).description == "49 rows"
    assert len(explained_rows(model, new, need_target=False)) == 50
    for data in (bare, frame.drop(columns="y")):
        assert explained_rows(model, data, need_target=False).truth is None
        with pytest.raises(DataError, match="no column 'y'"):
            explained_rows(model, data)
    (tmp_path / "empty.csv").write_text("a,b,noise,twin,c\n")
    with pytest.raises(DataError, match="no data rows"):
        explained_rows(model, str(tmp_path / "empty.csv"), need_target=False)


def test_of_many_rows_a_sample_is_explained(laws, monkeypatch):
    model = laws(lambda c: c["a"])
    monkeypatch.setattr(room, "MAX_ROWS", 100)
    rows = explained_rows(model)
    assert rows.description == "100 test rows, drawn at random from 300"
    assert np.array_equal(rows.x, explained_rows(model).x)


def test_a_model_without_test_rows_asks_for_a_csv_and_has_a_background(tmp_path, made):
    path = str(tmp_path / "y.csv")
    made(0, 60).to_csv(path, index=False)
    model = mlpcli.fit(path, "y", preset="classic", epochs=1, test="0")
    model.path = str(tmp_path / "m.npz")
    with pytest.raises(DataError, match="the model kept no test rows") as caught:
        explained_rows(model)
    assert caught.value.hint == "name a CSV: mlpcli explain MODEL DATA"
    assert background_rows(model, None, READ).description == "60 rows"


def test_the_background_is_of_the_training_file_or_else_of_the_named_one(laws, tmp_path, made):
    model = laws(lambda c: c["a"])
    made(7, 50).to_csv(tmp_path / "new.csv", index=False)
    new = str(tmp_path / "new.csv")
    assert background_rows(model, new, READ).description == "300 test rows"
    lost = replace(model, path=str(tmp_path / "elsewhere.npz"), data_folder=None)
    assert background_rows(lost, new, READ).description == "50 rows"
    with pytest.raises(DataError, match="the training file is not here") as caught:
        background_rows(lost, None, READ)
    assert "mlpcli explain" in caught.value.hint


def test_a_row_is_counted_from_one_and_keeps_its_cells_as_written(laws, tmp_path):
    model = laws(lambda c: c["a"])
    (tmp_path / "new.csv").write_text("c,a,b,noise,twin\nred,1.50,2,3,4\n\ngreen,-0.5,2,3,\n")
    row = one_row(model, str(tmp_path / "new.csv"), READ, 2)
    assert (row.number, row.line) == (2, 4)
    assert dict(zip(row.frame.columns, row.cells, strict=True))["a"] == "-0.5"
    assert np.isnan(row.frame.twin[0])
    for number in (0, 3):
        with pytest.raises(UsageError, match=f"no row {number}: it has 2 rows") as caught:
            one_row(model, str(tmp_path / "new.csv"), READ, number)
        assert caught.value.hint == "--row 1 to --row 2"


def test_names_that_are_no_input_are_refused_with_the_nearest(laws):
    model = laws(lambda c: c["a"])
    check_columns(model, ("a", "c"))
    with pytest.raises(UsageError, match="no column 'nose'; did you mean 'noise'"):
        check_columns(model, ("nose",))


def test_a_column_that_was_left_out_says_why(made):
    model = mlpcli.fit(made(0, 60), "y", preset="classic", epochs=1, drop=("b",))
    with pytest.raises(UsageError, match="'b' is no input of the model: left out by --drop"):
        check_columns(model, ("b",))
