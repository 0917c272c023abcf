"""A model written as one SELECT says what the model says, in every engine that is on this machine."""

from __future__ import annotations

import pytest
from export.samples import SAMPLES

from mlpcli.errors import UsageError
from mlpcli.export.check import export
from mlpcli.export.languages import TARGETS
from mlpcli.export.program import program_of
from mlpcli.export.sql.engines import ENGINES
from mlpcli.export.target import Wishes

HOSTILE = "da\"ta'; DROP TABLE x; --\n é"
# Of those that all columns but texts are left, the others differ in layers and answers alone.
WITHOUT_TEXT = {name: ("text",) if "text" not in SAMPLES[name].without else () for name in SAMPLES}


@pytest.mark.parametrize("dialect", ENGINES)
@pytest.mark.parametrize("name", SAMPLES)
def test_it_says_what_the_model_says(name, dialect, trained):
    model, rows = trained(name, WITHOUT_TEXT[name])
    checked = export(model, TARGETS["sql"], Wishes(dialect, HOSTILE), SAMPLES[name].level, rows).checked
    if isinstance(checked, str):
        pytest.skip(checked)
    assert (checked.n_rows, checked.n_others) == (60, 0)
    assert checked.largest < 1e-6


def test_free_text_is_refused_by_name(trained):
    model, _ = trained("numbers")
    with pytest.raises(UsageError, match="column 're\nmarks' is free text, whose words SQL cannot count"):
        TARGETS["sql"].write(program_of(model), Wishes())
