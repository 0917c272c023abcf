"""A model is made of a training that has run."""

from __future__ import annotations

import pytest
from samples import IRIS

import mlpcli
from mlpcli.config.settings import Config
from mlpcli.errors import TrainingError
from mlpcli.model.assemble import assemble
from mlpcli.training.prepare import prepare


def test_a_model_needs_an_epoch(small):
    prepared = prepare(str(IRIS), Config(preset="classic", epochs=1))
    with pytest.raises(TrainingError, match="before the first epoch"):
        assemble(prepared, mlpcli.training.events.History())
