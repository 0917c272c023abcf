"""`python -m mlpcli` is the command line."""

from mlpcli.cli import main

main()
