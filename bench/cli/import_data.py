"""The command ``import``, which makes a folder that is a data set from interactions of any origin."""

import argparse
from pathlib import Path

from bench.cli.flags import Parser, natural, once, place


def named_file(text: str) -> tuple[str, Path]:
    """Parse NAME=FILE into its two parts."""
    name, sign, file = text.partition("=")
    if not (name and sign and file):
        raise argparse.ArgumentTypeError(f"{text!r} is not MODALITY=FILE")
    return name, place(file)


def import_command(parser: Parser, argv: list[str]) -> None:
    """Make a data set of a CSV, TSV, parquet, JSON lines or .inter file."""
    text = "the interactions, one per line; or a folder of lists (train.txt, ...), to number its ids and add missing "
    text += "parts"
    parser.add_argument("file", type=place, metavar="FILE|FOLDER", help=text)
    parser.add_argument("--out", type=place, required=True, metavar="FOLDER", help="new folder for the data set")
    parser.add_argument("--user", metavar="COL", help="column of user ids; default: user_id")
    parser.add_argument("--item", metavar="COL", help="column of item ids; default: item_id")
    text = "column of times, numbers or dates; default: timestamp; without it, what is held out is drawn at random"
    parser.add_argument("--time", metavar="COL", help=text)
    parser.add_argument("--rating", metavar="COL", help="column of ratings")
    parser.add_argument("--at-least", type=float, metavar="X", help="the lowest rating at which an interaction counts")
    text = "leave-one-out, ratio or global-time; default: the column x_label where there is one, else leave-one-out"
    parser.add_argument("--split", metavar="NAME", help=text)
    text = "of validation and test, for the splits ratio and global-time; default: 0.1 0.1"
    parser.add_argument("--shares", nargs=2, type=float, metavar=("VALID", "TEST"), help=text)
    text = "leave out users and items until each has N interactions; default: 0"
    parser.add_argument("--k-core", type=natural, default=0, metavar="N", help=text)
    text = "features, as image=FILE.npy text=FILE.parquet; a table has a column of item ids, a .npy one row per item"
    parser.add_argument("--features", nargs="+", action="extend", type=named_file, metavar="MODALITY=FILE", help=text)
    text = "item ids of the rows of a .npy, one per line; without it, row k is that of the item with id k"
    parser.add_argument("--row-ids", nargs="+", action="extend", type=named_file, metavar="MODALITY=FILE", help=text)
    args = vars(parser.parse_args(argv))
    from bench.data.importing import import_file

    file, out = args.pop("file"), args.pop("out")
    tables = {name: once(args.pop(name) or [], f"--{name.replace('_', '-')}") for name in ("features", "row_ids")}
    print(import_file(file, out, **tables, **args))
