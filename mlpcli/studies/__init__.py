"""Many trainings as tasks on one executor: cross-validation, comparison, learning curve, tuning, remedies tried."""
