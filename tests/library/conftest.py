"""Models that all tests of the library share; not to be changed."""

import pytest
from samples import DIABETES, IRIS

import mlpcli


@pytest.fixture(scope="session")
def iris():
    return mlpcli.fit(str(IRIS), preset="classic", epochs=8, seed=2)


@pytest.fixture(scope="session")
def diabetes():
    return mlpcli.fit(str(DIABETES), "progression", preset="classic", epochs=8)
