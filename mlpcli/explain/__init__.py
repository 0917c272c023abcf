"""What a model learned: which columns matter, how each acts, and what made one answer. Works on encoded rows."""
