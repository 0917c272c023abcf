"""A terminal to report on."""

import io

import pytest

from mlpcli.reporter.text import make_console


@pytest.fixture
def terminal(monkeypatch):
    """(stream, console) of a terminal so many columns wide."""

    def make(width, term="xterm-256color"):
        for name, value in (("FORCE_COLOR", "1"), ("TERM", term), ("COLUMNS", str(width)), ("LINES", "24")):
            monkeypatch.setenv(name, value)
        out = io.StringIO()
        return out, make_console(out)

    return make
