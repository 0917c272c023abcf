"""Values to strict JSON and back: nothing that is not such a record is taken."""

from __future__ import annotations

import math

import pytest

from mlpcli.data.dialect import Dialect
from mlpcli.errors import ModelError
from mlpcli.files import jsonable


def test_json_holds_no_nan_and_no_foreign_object():
    for value, kind in ((math.nan, ValueError), (object(), TypeError)):
        with pytest.raises(kind):
            jsonable.to_json({"a": value})


@pytest.mark.parametrize("value", [[1], {"kind": 3}, "x", {}])
def test_what_is_no_such_record_is_refused(value):
    with pytest.raises(ModelError):
        jsonable.from_json(Dialect, value)
    with pytest.raises(ModelError):
        jsonable.from_json(tuple[int, int], [1, 2, 3])
