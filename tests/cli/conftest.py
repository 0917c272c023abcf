"""A model that the command line trained."""

import pytest
from samples import PENGUINS


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with penguins.csv and a model of it, model.npz, and what `train` answered."""
    from command_line import mlpcli

    folder = tmp_path_factory.mktemp("trained")
    (folder / "penguins.csv").write_bytes(PENGUINS.read_bytes())
    done = mlpcli("train", "penguins.csv", "--epochs", "40", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done
