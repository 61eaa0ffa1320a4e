"""Random damage, from a seed: nothing damaged changes a table or a result in silence, no input gives a traceback.

    python -m tests.fuzz --records 500 --folders 1000 --commands 1500 --seed 0

Every case is drawn from the seed and its own number, so that ``--only N`` tries one again.
"""

from tests.fuzz.commands import fuzz_commands
from tests.fuzz.folders import fuzz_folders
from tests.fuzz.records import fuzz_records

KINDS = {"records": fuzz_records, "folders": fuzz_folders, "commands": fuzz_commands}
