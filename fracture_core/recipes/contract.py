"""What a recipe module promises in its docstring, as data: the docstring is the contract, this only reads it."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from types import ModuleType

from fracture_core.recipes.base import Recipe

HEADINGS = ("Stated", "Reported", "Command", "Commands", "Expected time", "Deviations")
_HEADING = re.compile(rf"({'|'.join(sorted(HEADINGS, key=len, reverse=True))}):\s*(.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A recipe module's docstring, part by part.

    Attributes:
        title: its first sentence, what was compared.
        citation: the paper, or the backbone of our own recipe.
        stated: what the paper states of its training.
        reported: the figures it prints, in words.
        commands_are: what the commands are, where there is more than one; may be empty.
        commands: to be run in the project's folder; DIR and FILE are the reader's.
        expected_time: how long they take, in words.
        deviations: what is done otherwise than in the paper, or is not stated there; at least one sentence.
    """

    title: str
    citation: str
    stated: str
    reported: str
    commands_are: str
    commands: tuple[str, ...]
    expected_time: str
    deviations: tuple[str, ...]


def contract(module: ModuleType) -> Contract:
    """Read a recipe module's docstring.

    Raises:
        ValueError: it breaks the form: title, citation, then a paragraph for each of ``HEADINGS``, the commands
            indented, the deviations a list.
    """
    title, citation, *paragraphs = inspect.cleandoc(module.__doc__ or "\n\n\n").split("\n\n")
    parts: dict[str, str] = {}
    heading = ""
    for paragraph in paragraphs:
        match = _HEADING.match(paragraph)
        if match is not None:
            heading = match[1].removesuffix("s") if match[1] == "Commands" else match[1]
            parts[heading] = match[2]
        elif heading:
            parts[heading] += "\n" + paragraph
    missing = {"Stated", "Reported", "Command", "Expected time", "Deviations"} - parts.keys()
    if missing:
        raise ValueError(f"the docstring of {module.__name__} lacks {', '.join(sorted(missing))}")
    are, commands = _commands(parts["Command"])
    return Contract(
        title=_flowing(title).removesuffix("."),
        citation=_flowing(citation),
        stated=_flowing(parts["Stated"]),
        reported=_flowing(parts["Reported"]),
        commands_are=are,
        commands=commands,
        expected_time=_flowing(parts["Expected time"]),
        deviations=_items(parts["Deviations"]),
    )


def _flowing(text: str) -> str:
    """Lines as one, in markdown: reStructuredText's code marks become markdown's."""
    return " ".join(text.split()).replace("``", "`")


def _commands(text: str) -> tuple[str, tuple[str, ...]]:
    """What the commands are and the commands; one broken over lines by a backslash stays as it is."""
    before, _, block = text.partition("\n")
    lines = [*before.split("\n"), *block.split("\n")]
    are = [line for line in lines if line and not line.startswith("    ")]
    code = "\n".join(line[4:] for line in lines if line.startswith("    "))
    commands = tuple(command for command in re.split(r"(?<!\\)\n", code) if command.strip())
    return _flowing(" ".join(are)).strip(":").strip(), commands


def _items(text: str) -> tuple[str, ...]:
    """The sentences of a list written with hyphens."""
    return tuple(_flowing(item) for item in re.split(r"^- ", text, flags=re.MULTILINE) if item.strip())


def command(recipe: Recipe, told: Contract) -> str:
    """The command that trains a recipe as it stands, model included; our own recipe's is that of its docstring."""
    if not recipe.paper:
        return told.commands[0]
    folder = {"multiregion": "multi_region"}.get(recipe.data, "fracatlas")  # FracAtlas stands in for private data
    weights = " --pretrained FILE" if recipe.model in recipe.pretrained_models else ""
    return f"python train.py {recipe.key} --model {recipe.model} --data DIR/{folder}{weights} --work DIR/work"
