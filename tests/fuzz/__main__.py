"""The command of the fuzz."""

import argparse
import sys
import time

from tests import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(description=fuzz.__doc__.partition("\n")[0])
    for name in fuzz.KINDS:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="N", help="try one case of the kinds asked for again")
    args = parser.parse_args()
    faults = 0
    for name, tried in fuzz.KINDS.items():
        if n := getattr(args, name):
            begun = time.monotonic()
            tally = tried(n, args.seed, args.only)
            print(f"{tally}\n{name} took {time.monotonic() - begun:.0f} s", flush=True)
            faults += len(tally.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
