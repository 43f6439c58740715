"""Films sorted into folders by class, with or without folders of the splits above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from fracture_core.datasets.cases import Case, DataSet
from fracture_core.datasets.vocabulary import SPLITS, label_of, split_of, understood
from fracture_core.errors import DataSetError

NOT_STATED: Final = "not stated"
IMAGE_ENDINGS: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".dcm", ".dicom", ".ima"}
)


class ClassFolder(NamedTuple):
    """A folder all of whose films have one label; ``split`` is None where none is named above it."""

    path: Path
    label: int
    split: str | None


class Films(NamedTuple):
    """The cases of some class folders, and how many files there are no images, by ending."""

    cases: tuple[Case, ...]
    strangers: dict[str, int]


def read_class_folders(root: str | Path) -> DataSet:
    """Read ``class/film`` or ``split/class/film``; folders that an archive puts around these are entered.

    Upper and lower case, ``-``, ``_`` and space count as equal in the names (see ``vocabulary``). Films may lie
    in folders of their own below a class. Files that are no images by their ending (DICOM files may lack
    one) are passed over and noted with their number; so are files outside the class folders.

    Raises:
        DataSetError: there are no class folders, one has a name that is not understood, or they hold no image.
    """
    root = Path(root)
    base = _without_wrapping(root)
    folders = _class_folders(base)
    cases, strangers = films_in(folders, base)
    if not cases:
        raise DataSetError(f"The class folders of '{base}' hold no image. Put the films into them.")
    outside = sum(1 for _ in files_below(root)) - len(cases) - sum(strangers.values())
    notes = stranger_notes(strangers)
    if outside:
        notes.append(f"{outside} files lie outside the class folders and are passed over")
    return DataSet("class_folders", root, cases, "Class folders; source and licence not stated", tuple(notes))


def looks_like_class_folders(root: Path) -> bool:
    """Whether at least one folder is named as a class or a split is, so that the rest can be told about."""
    return any(
        label_of(folder.name) is not None or split_of(folder.name) for folder in subfolders(_without_wrapping(root))
    )


def subfolders(folder: Path) -> list[Path]:
    """Folders in a folder, by name; hidden ones and what macOS adds to archives left out."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _is_litter(path.name))


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder and the folders in it, by path."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def films_in(folders: Iterable[ClassFolder], base: Path) -> Films:
    """The cases of class folders, sorted by id, the path below ``base``."""
    cases: list[Case] = []
    strangers: dict[str, int] = {}
    for folder in folders:
        for path in files_below(folder.path):
            if is_image(path):
                name = path.relative_to(base).as_posix()
                cases.append(Case(name, path, folder.label, NOT_STATED, split=folder.split))
            else:
                ending = path.suffix.lower() or "no ending"
                strangers[ending] = strangers.get(ending, 0) + 1
    return Films(tuple(sorted(cases, key=lambda case: case.id)), strangers)


def stranger_notes(strangers: dict[str, int]) -> list[str]:
    """What ``films_in`` passed over, in words."""
    if not strangers:
        return []
    return [f"{sum(strangers.values())} files are no images and are passed over ({', '.join(sorted(strangers))})"]


def is_image(path: Path) -> bool:
    """By the ending; a file with another ending or none counts when it carries DICOM's mark. Hidden ones do not."""
    if _is_litter(path.name):
        return False
    return path.suffix.lower() in IMAGE_ENDINGS or has_dicom_mark(path)


def has_dicom_mark(path: Path) -> bool:
    """Whether "DICM" follows the 128 bytes of preamble (PS3.10, 7.1)."""
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _without_wrapping(root: Path) -> Path:
    """The folder below which names mean something: archives wrap everything in one folder, or in several."""
    while True:
        inside = subfolders(root)
        if len(inside) != 1 or split_of(inside[0].name) or label_of(inside[0].name) is not None:
            return root
        if not subfolders(inside[0]):
            return root
        root = inside[0]


def _class_folders(base: Path) -> list[ClassFolder]:
    inside = subfolders(base)
    if any(split_of(folder.name) for folder in inside):
        return [named for folder in inside for named in _classes_of(folder, _split_named(folder))]
    return _classes_of(base, None)


def _classes_of(folder: Path, split: str | None) -> list[ClassFolder]:
    found = []
    for path in subfolders(folder):
        label = label_of(path.name)
        if label is None:
            raise DataSetError(
                f"The folder '{path}' names no class that is understood. Rename it; understood are {understood()}."
            )
        found.append(ClassFolder(path, label, split))
    if not found:
        raise DataSetError(f"'{folder}' holds no class folders. Make some, named {understood()}.")
    return found


def _split_named(folder: Path) -> str:
    split = split_of(folder.name)
    if split is None:
        words = ", ".join(word for names in SPLITS.values() for word in names)
        raise DataSetError(
            f"'{folder}' lies beside folders of splits and names none. Move or rename it; understood are {words}."
        )
    return split
