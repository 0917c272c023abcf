# ruff: noqa: F401, I001  each module registers its command on import, in the order of the help
"""The command line: flags, one library call, show.

`app.py` holds the application and its one error boundary, `options.py` what flags share, `answers.py` what several
commands print; every command has a file of its own. To add one, write it and import it here.
Neither numpy nor pandas is imported before a command runs.
"""

from mlpcli.cli.app import app as app, main as main
from mlpcli.cli import train
from mlpcli.cli import evaluate
from mlpcli.cli import predict
from mlpcli.cli import inspect
from mlpcli.cli import split
from mlpcli.cli import studies
from mlpcli.cli import tune
from mlpcli.cli import diagnose
from mlpcli.cli import guide
