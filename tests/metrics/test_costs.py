"""The answer of the least expected cost, against brute force over answers; the metrics that tell of it."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config.settings import Config
from mlpcli.engine.losses import LOSSES, CrossEntropy
from mlpcli.errors import UsageError
from mlpcli.metrics.costs import Costs, cut_of, rule_of
from mlpcli.metrics.paired import ScoredModel, compare_scores
from mlpcli.metrics.scoring import METRICS, check_metric, decide, score

LABELS = ("low", "medium", "high", "a:b")
GIVEN = {"low:high": 7.0, "high:medium": 3.0, "a:b:low": 20.0}
SETTINGS = {
    "costs": Config(cost=tuple(f"{pair}={cost:g}" for pair, cost in GIVEN.items())),
    "an order": Config(order=LABELS),
    "both": Config(cost=("low:high=7", "high:medium=3", "a:b:low=20"), order=LABELS),
}


def cost_of(name, true, answer):
    """As the guide says it."""
    if true == answer:
        return 0.0
    given = GIVEN if name != "an order" else {}
    ranks = abs(LABELS.index(true) - LABELS.index(answer)) if name != "costs" else 1.0
    return given.get(f"{true}:{answer}", ranks)


def drawn(n=200, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, n_classes, n), rng.dirichlet(np.ones(n_classes), n)


@pytest.mark.parametrize("name", SETTINGS)
def test_no_other_answer_has_a_smaller_expected_cost(name):
    y, proba = drawn()
    rule = rule_of(SETTINGS[name], LABELS, None)
    labels = decide(proba, rule)
    for shares, chosen in zip(proba, labels, strict=True):
        costs = [
            sum(p * cost_of(name, true, answer) for p, true in zip(shares, LABELS, strict=True)) for answer in LABELS
        ]
        assert costs[chosen] == pytest.approx(min(costs))
    found = score(CrossEntropy(), y, proba, rng=np.random.default_rng(0), rule=rule)
    paid = np.mean([cost_of(name, LABELS[t], LABELS[c]) for t, c in zip(y, labels, strict=True)])
    if name != "an order":
        assert found["mean_cost"].value == pytest.approx(paid)
        assert found["mean_cost"].low < paid < found["mean_cost"].high
    if name != "costs":
        assert found["rank_error"].value == pytest.approx(np.abs(y - labels).mean())
    assert ("mean_cost" in found, "rank_error" in found) == (name != "an order", name != "costs")


def test_of_ordered_classes_the_answer_is_the_median():
    _, proba = drawn(seed=1)
    labels = decide(proba, rule_of(SETTINGS["an order"], LABELS, None))
    assert labels.tolist() == (np.cumsum(proba, axis=1) >= 0.5).argmax(axis=1).tolist()


def test_of_two_classes_the_answer_turns_at_elkan_s_threshold():
    proba = np.column_stack([1 - np.linspace(0, 1, 101), np.linspace(0, 1, 101)])
    rule = rule_of(Config(cost=("ok:fraud=2", "fraud:ok=50")), ["ok", "fraud"], None)
    assert cut_of(rule) == pytest.approx(2 / 52)
    assert decide(proba, rule).tolist() == (proba[:, 1] > 2 / 52).astype(int).tolist()
    assert (cut_of(None), cut_of(0.3)) == (0.5, 0.3)


def test_the_costs_of_a_row_do_not_depend_on_the_rows_beside_it():
    _, proba = drawn(500, seed=2)
    rule = rule_of(SETTINGS["both"], LABELS, None)
    assert isinstance(rule, Costs)
    whole = rule.expected(proba)
    assert all(np.array_equal(rule.expected(proba[i : i + 1])[0], whole[i]) for i in range(500))


def test_without_costs_a_threshold_or_nothing_decides():
    assert rule_of(Config(), LABELS, None) is None
    assert rule_of(Config(), LABELS[:2], 0.3) == 0.3
    with pytest.raises(UsageError, match="no metric 'mean_cost'"):
        check_metric(LOSSES["cross_entropy"](), None, "mean_cost")
    check_metric(LOSSES["cross_entropy"](), rule_of(SETTINGS["costs"], LABELS, None), "mean_cost")
    assert METRICS["mean_cost"].function(np.array([0, 1, 2]), np.array([0, 2, 2])) == pytest.approx(1 / 3)


def test_two_models_are_judged_by_the_costs_of_the_new_one_and_else_of_the_old_one():
    y, proba = drawn(seed=3)
    rule = rule_of(SETTINGS["costs"], LABELS, None)
    with_costs, without = (ScoredModel(CrossEntropy(), proba, one) for one in (rule, None))
    for new, old in ((with_costs, without), (without, with_costs)):
        found = compare_scores(y, new, old, None, None, np.random.default_rng(0))["mean_cost"]
        said = [decide(proba, one.rule) for one in (new, old)]
        paid = [np.mean([cost_of("costs", LABELS[t], LABELS[c]) for t, c in zip(y, one, strict=True)]) for one in said]
        assert [found.new, found.old] == pytest.approx(paid)


def test_among_more_classes_the_same_answers_are_given():
    _, proba = drawn(seed=4)
    rule = rule_of(SETTINGS["both"], LABELS, None)
    wider, places = np.zeros((len(proba), 6)), [4, 0, 2, 1]
    wider[:, places] = proba
    found = decide(wider, rule.among(places, 6))
    assert found.tolist() == [places[label] for label in decide(proba, rule)]


@pytest.mark.parametrize(
    ("config", "what", "hint"),
    [
        (Config(cost=("lov:high=5",)), "--cost: no class 'lov'; did you mean 'low'?", "one of low, medium, high, a:b"),
        (Config(cost=("low:hihg=5",)), "--cost: no class 'hihg'; did you mean 'high'?", "one of low"),
        (Config(cost=("low:low=5",)), "'low' answered 'low' is right", "two classes"),
        (Config(order=("low", "mid", "high", "a:b")), "--order: no class 'mid'", "one of low"),
        (Config(order=("low", "high")), "--order: not named: medium, a:b", "each class once"),
    ],
)  # fmt: skip
def test_costs_and_orders_of_other_classes_are_refused(config, what, hint):
    with pytest.raises(UsageError) as caught:
        rule_of(config, LABELS, None)
    assert what in str(caught.value)
    assert hint in str(caught.value.hint)


def test_many_classes_are_named_in_part():
    with pytest.raises(UsageError) as caught:
        rule_of(Config(cost=("x:y=5",)), [f"c{i}" for i in range(40)], None)
    assert str(caught.value.hint).endswith("c9 ...")
