"""What a model learned: which columns matter, how each acts, and what made one answer. Works on encoded rows."""

GROUP_CORRELATED = 0.8  # columns that depend on each other by more are shuffled together
