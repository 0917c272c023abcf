"""`mlpcli` and `python -m mlpcli`: the command line."""

import gc
import signal

IMPORTED_OBJECTS = 200_000  # what imports make, pandas' most of all, stays: not looked through for garbage on the way


def main() -> None:
    gc.set_threshold(IMPORTED_OBJECTS)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # before a command runs there is nothing to keep, and nothing to say
    from mlpcli.cli import main as run

    run()


if __name__ == "__main__":
    main()
