"""Types of arrays, by what they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]  # float32 in networks, float64 in statistics
Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]  # encoded rows, (n, n_inputs)
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
