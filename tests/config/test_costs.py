"""What costs and orders are written like: read back to the same, and refused with what to write."""

from __future__ import annotations

import pytest

from mlpcli.config.costs import cost_in, split_costs
from mlpcli.config.flags import as_flags, from_text
from mlpcli.config.settings import Config
from mlpcli.errors import UsageError


def test_costs_are_given_one_by_one_or_with_commas_and_classes_may_have_both_signs():
    assert split_costs(["a:b=5", "b:a=1e2,c:a=.5"]) == ("a:b=5", "b:a=1e2", "c:a=.5")
    assert split_costs(["ja, gern:nein=2,a:b:c=1"]) == ("ja, gern:nein=2", "a:b:c=1")
    assert cost_in("a=1:b=2.5") == 2.5


def test_costs_are_written_as_they_are_read():
    config = Config(cost=("a:b=5", "b, c:a=2"))
    assert as_flags({"cost": config.cost}) == "--cost 'a:b=5,b, c:a=2'"
    assert from_text(Config, {"cost": ["a:b=5,b, c:a=2"]}) == config


@pytest.mark.parametrize(
    "text", ["", "fraud", "fraud=5", "fraud:ok", ":ok=5", "fraud:=5", "fraud:ok=", "a:b=1-2", "a:b=1,"]
)
def test_what_is_no_cost_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="expected TRUE:PREDICTED=COST") as caught:
        Config(cost=(text,))
    assert "--cost fraud:ok=50" in str(caught.value.hint)


@pytest.mark.parametrize("cost", ["0", "-1", "1e10", "1e999"])
def test_a_mistake_costs_something_and_not_without_end(cost):
    with pytest.raises(UsageError, match="expected a cost above 0 to 1e"):
        Config(cost=(f"a:b={cost}",))


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"order": ("low",)}, "one class only"), ({"order": ("low", "high", "low")}, "'low' is named twice"),
        ({"order": ("a", "b"), "threshold": "f1"}, "--threshold and --order both"),
        ({"cost": ("a:b=5",), "threshold": "f1"}, "--threshold and --cost both"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(settings, what):
    with pytest.raises(UsageError, match=what):
        Config(**settings)
