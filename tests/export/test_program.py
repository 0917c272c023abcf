"""The intermediate form holds all that a model has; an input is rounded as the model rounds it."""

from __future__ import annotations

import numpy as np
import pytest
from export.samples import SAMPLES

from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.losses import LOSSES
from mlpcli.errors import UsageError
from mlpcli.export.program import LINKS, Activation, Affine, Linear, Standardise, below_which, program_of
from mlpcli.export.runtime.model import ACTIVATIONS as IN_PYTHON


def test_the_samples_have_every_kind_of_input_and_of_layer(trained):
    programs = [program_of(trained(name)[0], sample.level) for name, sample in SAMPLES.items()]
    for what in ("numbers", "categories", "levels", "words", "pairs", "costs", "threshold", "interval"):
        assert any(getattr(program, what) for program in programs), what
    assert {program.link for program in programs} == set(LINKS.values())
    assert any(number.rule.cuts for program in programs for number in program.numbers)
    assert any(len(program.parts) > 1 for program in programs)
    assert any(net.tables for program in programs for net in program.nets)
    steps = [step for program in programs for net in program.nets for step in net.steps]
    assert {type(step) for step in steps} == {Linear, Affine, Standardise, Activation}
    assert {step.name for step in steps if isinstance(step, Activation)} == set(ACTIVATIONS)


def test_every_loss_has_a_link_and_every_activation_is_known():
    assert LINKS.keys() == LOSSES.keys()
    assert IN_PYTHON.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("cut", [0.0, 1.0, -1.0, 0.1, -0.1, 1e-20, 3.5e5])
def test_an_input_is_on_the_same_side_of_a_cut_before_and_after_it_is_rounded(cut):
    near = cut + np.float64(np.spacing(np.float32(cut))) * np.linspace(-2, 2, 1001)
    differ = (near.astype(np.float32).astype(np.float64) <= cut) != (near <= below_which(cut))
    ties = near == below_which(cut)  # half-way between two of float32
    assert not (differ & ~ties).any()


def test_a_level_of_intervals_that_the_model_does_not_reach_is_refused(trained):
    with pytest.raises(UsageError, match="--interval is for numbers"):
        program_of(trained("threshold")[0], 0.9)
