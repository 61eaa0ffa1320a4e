"""Commands on a folder of records: show a record, verify all of them, recommend items by a trained model."""

from pathlib import Path

from bench.cli.flags import PAPER_FILES, Parser, place, positive
from bench.files import writing
from bench.spec import BenchError, counted


def show_command(parser: Parser, argv: list[str]) -> None:
    """Print one record: parts of its key, settings, metrics, curve, where it comes from, the end of its log."""
    parser.add_argument("key", help="of the record, as --list prints it, or its first characters")
    text = "folder of the records; default: results"
    parser.add_argument("--results", type=place, default=Path("results"), help=text)
    args = parser.parse_args(argv)
    from bench.cli import show
    from bench.store.store import Store

    print(show.show(Store(args.results), args.key))


def verify_command(parser: Parser, argv: list[str]) -> int:
    """Check every file of a results folder; print a line per failed check, and a summary."""
    text = "folder of the records; default: results"
    parser.add_argument("results", type=place, nargs="?", default=Path("results"), help=text)
    root = parser.parse_args(argv).results
    if not root.is_dir():
        raise BenchError(f"{root} is not a folder; give the folder of the records")
    from bench.store.verify import verify

    checked = verify(root)
    if not checked.seen:
        raise BenchError(f"no records in {root}; give the folder of the records")
    print("\n".join([*checked.wrong, f"{root}: {checked.words}"]))
    return 1 if checked.wrong else 0


def recommend_command(parser: Parser, argv: list[str]) -> None:
    """Write what a trained model recommends to each user."""
    parser.add_argument("key", help="key of a record with kept weights, as --list prints it, or its first characters")
    parser.add_argument("--top", type=positive, default=10, metavar="K", help="items per user; default: 10")
    parser.add_argument("--users", nargs="+", metavar="ID", help="ids of users; default: all")
    text = "the data set's folder, if it is none of the named sets"
    parser.add_argument("--data", default="", metavar="FOLDER", help=text)
    text = "where the model is from, if it is your own"
    parser.add_argument("--model", default="", metavar="path/to/file.py:MODEL", help=text)
    parser.add_argument("--data-dir", type=place, help=PAPER_FILES)
    parser.add_argument("--results", type=place, default=Path("results"), help="default: results")
    text = "default: recommended-KEY.csv"
    parser.add_argument("--out", type=place, metavar="FILE", help=text)
    args = parser.parse_args(argv)
    from bench.run import trained
    from bench.store.store import Store

    where = {"location": args.data, "data_dir": args.data_dir, "model_file": args.model}
    model = trained.load(Store(args.results), args.key, **where)
    lists = model.recommend(args.users, k=args.top)
    out = args.out or Path(f"recommended-{model.record.key}.csv")
    with writing(out, remedy="choose another file with --out"):
        out.parent.mkdir(parents=True, exist_ok=True)
        lists.to_csv(out, index=False)
    print(f"{counted(lists['user'].nunique(), 'user')}, at most {counted(args.top, 'item')} each, in {out}")
