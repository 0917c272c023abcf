"""A model in other languages: one intermediate form, and a file for each language that writes it out."""
