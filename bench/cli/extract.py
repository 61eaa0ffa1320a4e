"""The command ``extract``, which makes feature rows from the pictures and texts of a folder's items."""

import shlex

from bench.cli.flags import Parser, place

ENCODERS = {"image": "resnet50.a1_in1k", "text": "sentence-transformers/all-MiniLM-L6-v2"}


def extract_command(parser: Parser, argv: list[str]) -> None:
    """Make feature rows from pictures and texts."""
    parser.add_argument("folder", type=place, metavar="FOLDER", help="a data set of lists, as import writes it")
    parser.add_argument("--images", type=place, metavar="DIR", help="pictures, each named by its item's id")
    text = "a CSV, TSV, parquet or JSON lines file with a column of item ids and columns of text"
    parser.add_argument("--texts", type=place, metavar="FILE", help=text)
    for what, default in ENCODERS.items():
        text = f"name in the hub's cache, or a folder; default: {default}"
        parser.add_argument(f"--{what}-encoder", default=default, metavar="NAME|FOLDER", help=text)
    args = parser.parse_args(argv)
    if not (args.images or args.texts):
        parser.error("there is nothing to extract from: give --images DIR, --texts FILE, or both")
    from bench.data import extracting

    if args.images:
        images = extracting.find_images(args.images)
        print(extracting.extract(args.folder, "image", images, extracting.image_encoder(args.image_encoder)))
    if args.texts:
        texts = extracting.find_texts(args.texts)
        print(extracting.extract(args.folder, "text", texts, extracting.text_encoder(args.text_encoder)))
    print(f"To use it: python run_all.py --datasets {shlex.quote(str(args.folder))}")
