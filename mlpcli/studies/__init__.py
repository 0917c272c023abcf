"""Many trainings as tasks on one executor: cross-validation, comparison, learning curve, tuning, remedies tried."""

TRIALS = 50  # of a search without --trials and --time-limit
