"""The command line: flags, one library call, show.

`app.py` holds the application and its one error boundary, `options.py` what flags share. To add a command, write
NAME.py and name it in MODULES.
Neither numpy nor pandas is imported before a command runs.
"""

import sys
from collections.abc import Mapping
from importlib import import_module

from mlpcli.cli.app import app as app
from mlpcli.cli.app import main as run

# Command -> the module that registers it on import, in the order of the help.
MODULES: Mapping[str, str] = {
    "train": "train",
    "evaluate": "evaluate",
    "predict": "predict",
    "explain": "explain",
    "inspect": "inspect",
    "split": "split",
    "cv": "studies",
    "compare": "studies",
    "learning-curve": "studies",
    "tune": "tune",
    "diagnose": "diagnose",
    "report": "report",
    "replay": "replay",
    "explain-step": "explain_step",
    "drift": "drift",
    "export": "export",
    "distill": "distill",
    "serve": "serve",
    "reproduce": "reproduce",
    "guide": "guide",
}


def register(command: str = "") -> None:
    """Registers the command of this name, or all where there is none: to read every flag takes a tenth of a start."""
    for module in [MODULES[command]] if command in MODULES else dict.fromkeys(MODULES.values()):
        import_module(f"mlpcli.cli.{module}")


def main() -> None:
    """The command line from its arguments to its exit code."""
    register("".join(sys.argv[1:2]))
    run()
