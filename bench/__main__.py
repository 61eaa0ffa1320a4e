"""Run the command line: ``python -m bench COMMAND``."""

from bench.cli.main import main

if __name__ == "__main__":
    main()
