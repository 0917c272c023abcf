"""What `import mlpcli` gives."""

from __future__ import annotations

import pytest
from samples import IRIS

import mlpcli
from mlpcli.errors import UsageError


def test_fit_refuses_an_unknown_setting():
    with pytest.raises(UsageError, match="unknown setting 'epoch'"):
        mlpcli.fit(str(IRIS), epoch=3)
