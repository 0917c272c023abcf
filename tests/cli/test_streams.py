"""The standard streams when nobody reads them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import ENV


@pytest.mark.slow
def test_a_closed_pipe_is_a_quiet_success(trained):
    folder, _ = trained
    head = f"{sys.executable} -m mlpcli predict model.npz penguins.csv | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", head], cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "prediction\n", "")
