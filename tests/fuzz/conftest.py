"""How long the fuzz targets run: MLPCLI_FUZZ_SECONDS each, a moment in the ordinary suite."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

SECONDS = float(os.environ.get("MLPCLI_FUZZ_SECONDS", "1"))


@pytest.fixture
def for_a_while() -> Callable[[Callable[[], None]], None]:
    """Calls a hypothesis test, which draws new examples each time, until the time is over."""

    def run(test: Callable[[], None]) -> None:
        end = time.monotonic() + SECONDS
        test()
        while time.monotonic() < end:
            test()

    return run
