"""Writes docs/models.md: one section per model with the text of its file, its presets and its settings."""

import ast
import dataclasses
import inspect
import re
import textwrap
from typing import Literal, get_args, get_origin

from bench import registry
from bench.spec import SHOWN_MODELS, BenchError, Training, unknown

REQUIRED = ("Modalities", "Fusion", "Loss", "Parameters", "Cost per step", "Checked")
FIELDS = (*REQUIRED, "Quality")
HEAD = """\
# Models

What each model computes, where it departs from its paper or its authors' code, and how that was checked. The page is
made from the models' files by `python -m bench cards`; edit those files, not this page.

- Symbols: U users and I items, both counted with the padding id 0; N = U + I nodes; E distinct training pairs;
  B pairs in a batch. d is `embedding_size` and L is `n_layers`. There are m modalities, with F columns of content and Z
  stored entries (I F where the rows are dense). A line about "a modality" counts the columns and entries of that one;
  elsewhere they are those of all modalities that the model reads.
- Loss: BPR is `bpr` and L2 is `l2` of `bench/nn/losses.py`. L2 is half the sum of the squared entries of the batch's
  rows, where a row counts as often as it occurs in the batch, divided by B. Each positive item comes with one negative,
  an item of the data set that the user has not trained on ([which items can be one](protocols.md#candidates)), unless
  the line says otherwise. The weight of each term is a setting.
- Parameters are counted for the default preset, unless another is named.
- Cost per step is the number of multiply-adds that the loss of a batch takes, in its leading terms. The gradient is of
  the same order, and Adam, which is dense in every model, passes over all parameters.
- Optimiser: Adam as in PyTorch, which adds epsilon (1e-8) after the bias correction. TensorFlow 1, in which the authors
  of NGCF, DMRL, MACR, MEGCF, MGCL and MCLN wrote theirs, and those of LightGCN one of their two codes, adds it before,
  so that early steps are smaller there where gradients are tiny.
- Checked: by the model's own tests in `tests/models`, unless another place is named. Besides, `tests/conformance` holds
  every model and preset to these rules: each parameter has a gradient where there are two modalities; each setting
  changes something; equal seeds give equal weights; dense and sparse rows agree; any set of modalities works; the score
  of a pair is its cell of the full ranking, and depends on no other user, and on no other candidate unless the model
  says so; and a pattern that is easy to learn, a checkerboard of users and items, is learnt.
- Quality: where a reference run with the budget `standard` ends low or has odd scores, and what was tried. The runs
  under the protocol `paper` are in `reports/reference/paper-standard/table2-sampled.md`, beside the paper's numbers.
- Training settings, where neither the card (trained with) nor a preset says otherwise: {training}.
"""


def page() -> str:
    """Return the page of all models; floors come last, by file."""
    cards = registry.cards().values()
    training = assignments({f.name: f.default for f in dataclasses.fields(Training)})
    parts = [HEAD.format(training=training)]
    parts += [card(model, docstring(model), registry.load(model).Hyper) for model in cards if not model.is_floor]
    floors = [model for model in cards if model.is_floor]
    for module in dict.fromkeys(model.module for model in floors):
        parts.append(floor_section([model for model in floors if model.module == module]))
    return "\n".join(parts)


def file_of(model) -> str:
    return model.module.replace(".", "/") + ".py"


def docstring(model) -> str:
    return inspect.getdoc(inspect.getmodule(registry.load(model))) or ""


def card(model, docstring: str, hyper: type) -> str:
    """Return the section of a model, made from its card, the docstring of its file and its ``Hyper``."""
    summary, _, rest = docstring.partition("\n\n")
    body, _, tail = rest.rpartition("\n\n")
    text_of = fields(tail, file_of(model))
    parts = [f"## {SHOWN_MODELS.get(model.name, model.name)}", f"{escaped(summary)} {link(model)}"]
    parts.append("\n".join(f"- **{name}**: {escaped(text_of[name])}" for name in FIELDS if name in text_of))
    parts += [prose(body)] if body else []
    parts += [f"Trained with: {assignments(model.training)}."] if model.training else []
    parts.append("\n".join(["Presets:", "", *presets(model)]))
    if rows := settings(hyper):
        parts.append(table(["setting", "default", "allowed or searched", "meaning"], rows))
    return "\n\n".join(parts) + "\n"


def floor_section(floors) -> str:
    """Return the section of the floors of one file: its docstring, and a line for each floor."""
    lines = []
    for model in floors:
        defaults = {f.name: f.default for f in dataclasses.fields(registry.load(model).Hyper)}
        lines.append(f"- {model.name}: {assignments(defaults) if defaults else 'no settings'}")
    return "\n\n".join(["## Floors", prose(docstring(floors[0])), link(floors[0]), "\n".join(lines)]) + "\n"


def link(model) -> str:
    return f"File: [{file_of(model)}](../{file_of(model)})."


def fields(text: str, where: str) -> dict[str, str]:
    """Return the text of each field by its name, from a docstring's last paragraph, "Name: text" and indented lines."""
    entries = [entry.partition(":") for entry in re.split(r"\n(?=\S)", text)]
    text_of = {name: " ".join(words.split()) for name, _, words in entries}
    for name in REQUIRED:
        if not text_of.get(name):
            raise BenchError(f"{where}: the docstring ends without the field {name!r}; see CONTRIBUTING.md")
    for name in text_of:
        if name not in FIELDS:
            raise unknown(f"field in the docstring of {where}", name, FIELDS)
    return text_of


def prose(text: str) -> str:
    """Return a docstring's paragraphs and lists in Markdown; a paragraph of indented lines becomes a code block."""
    blocks = []
    for block in re.split(r"\n\n+", text):
        lines = block.splitlines()
        if all(line.startswith("    ") for line in lines):
            blocks.append(f"```text\n{textwrap.dedent(block)}\n```")
            continue
        spaced = [lines[0]]
        for before, line in zip(lines, lines[1:], strict=False):
            is_text, was_text = line[0] not in " -", before[0] not in " -"
            if is_text > was_text or (line[0] == "-" and was_text):  # a list, or a hanging paragraph, begins or ends
                spaced.append("")
            spaced.append(line)
        blocks.append(escaped("\n".join(spaced)))
    return "\n\n".join(blocks)


def escaped(text: str) -> str:
    """Escape the characters of ``text`` that Markdown would read as markup, except in code."""
    escapes = {"*": r"\*", "<": "&lt;"}
    return re.sub(r"(`+.+?`+)|([*<])", lambda match: match[1] or escapes[match[2]], text)


def presets(model) -> list[str]:
    """Return one line per preset, and one per data set for which the model has settings."""
    lines = [f"- `{name}`: {assignments(values) if values else 'as below'}" for name, values in model.presets.items()]
    where = "where the preset does not say otherwise"
    return lines + [f"- on `{name}`, {where}: {assignments(values)}" for name, values in model.per_dataset.items()]


def assignments(values: dict) -> str:
    return "`" + ", ".join(f"{name}={value!r}" for name, value in values.items()) + "`"


def settings(hyper: type) -> list[list[str]]:
    """Return name, default, allowed or searched values and meaning of each field of a ``Hyper``."""
    meanings = comments(hyper)
    return [
        [f"`{f.name}`", f"`{f.default!r}`", values(f), escaped(meanings.get(f.name, ""))]
        for f in dataclasses.fields(hyper)
    ]


def values(field: dataclasses.Field) -> str:
    """Return the values of a field that are searched, or else those that its type allows, in words."""
    if "low" in field.metadata:
        return f"`{field.metadata['low']!r}` to `{field.metadata['high']!r}`"
    among = field.metadata.get("among") or (get_args(field.type) if get_origin(field.type) is Literal else ())
    return ", ".join(f"`{value!r}`" for value in among)


def comments(hyper: type) -> dict[str, str]:
    """Return the comment at the end of each field's line by the field's name, those of base classes included."""
    comment_of = {}
    for cls in reversed([cls for cls in hyper.__mro__ if cls is not object]):
        lines = textwrap.dedent(inspect.getsource(cls)).splitlines()
        for node in ast.parse("\n".join(lines)).body[0].body:
            if isinstance(node, ast.AnnAssign):
                rest = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
                comment_of[node.target.id] = rest.partition("#")[2].strip()
    return comment_of


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
