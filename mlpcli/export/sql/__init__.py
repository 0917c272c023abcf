"""A model as one SELECT: a chain of common table expressions, each with the columns that the next ones need."""
