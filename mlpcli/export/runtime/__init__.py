"""What stands behind the data in an exported file, in each language."""
