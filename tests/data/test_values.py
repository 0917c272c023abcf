"""Rows without a DataFrame hold what the DataFrame of the same cells would."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlpcli.data.values import RowValues, Texts, as_data_frame, column_values, texts_of, used_texts


def test_rows_become_the_frame_of_their_cells_where_one_is_asked_for():
    cells, numbers = ["b", None, "a", "b"], np.array([1.0, np.nan, 2.0, 3.0])
    rows = RowValues({"x": numbers, "c": texts_of(["b", "NA", "a", "b"], {"NA", "-"})}, 4)
    frame = pd.DataFrame({"x": numbers, "c": pd.Categorical(cells)})
    pd.testing.assert_frame_equal(as_data_frame(rows), frame)
    assert as_data_frame(frame) is frame
    assert len(rows) == 4


def test_texts_are_used_as_those_of_a_categorical():
    found = texts_of(["b", "", "a", "b"], {""})
    assert isinstance(column_values(found), Texts)
    for rows in (slice(0, 4), slice(1, 2), slice(2, 4)):
        texts, codes = used_texts(found[rows])
        assert [texts[i] if i >= 0 else None for i in codes] == ["b", None, "a", "b"][rows]
    assert len(found[1:2]) == 1
