"""`mlpcli` and `python -m mlpcli`: the command line."""

import signal


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # before a command runs there is nothing to keep, and nothing to say
    from mlpcli.cli import main as run

    run()


if __name__ == "__main__":
    main()
