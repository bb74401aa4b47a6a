"""`perkstar`, also as `python -m perkstar_tui`."""


def main() -> None:
    """The program's entry: hands over to the commands, which open the screen when none is given."""
    from perkstar_tui.cli.app import run

    run()


if __name__ == "__main__":
    main()
