"""Every code that a finding can have, of a table before training and of a training after it: one code, one fact."""

from __future__ import annotations

from mlpcli.diagnosis.findings import CHECKS
from mlpcli.diagnosis.table_checks import TABLE_CHECKS

CODES = tuple(dict.fromkeys([*CHECKS, *TABLE_CHECKS]))
