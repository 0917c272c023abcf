"""A trained model: its record, the checks of a loaded file, and predictions as a stream."""
