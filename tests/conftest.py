"""One BLAS thread for every test, set before numpy is imported: results then do not depend on the machine's load."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
