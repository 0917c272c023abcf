"""The library: what `import mlpcli` gives, each one call. A DataFrame may stand wherever a path may.

The room is a door like `cli/`, and stands beside it above the reporter: its results draw themselves in a notebook with
the pieces of the report. Nothing of the reporter is imported before a result is shown.
"""

from mlpcli.library.model import Model as Model
from mlpcli.library.model import load as load
from mlpcli.library.training import fit as fit
