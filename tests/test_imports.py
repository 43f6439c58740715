"""Who may import whom: read from the source, and checked in a fresh interpreter."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "fracture_core").rglob("*.py"))
CHAIN = ("errors", "imaging", "preprocessing", "datasets", "training")
WITHOUT_TORCH = (
    "errors",
    "metrics",
    "weights",
    "results",
    "claims",
    "recipes",
    "model_card",
    "overlay",
    "tables",
    "datasets",
    "audit",
    "evaluation",
    "marks",
    "annotations",
    "agreement",
    "interchange",
    "commands",
    "imaging",
    "dicom",
    "preprocessing",
    "phantom",
)


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def _imports(path: Path) -> frozenset[str]:
    """Every module that a file imports anywhere, functions and type checking included, by its full name."""
    package = _module(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found |= {origin} | {f"{origin}.{name.name}" for name in node.names}
    return frozenset(found)


def _tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)}


@cache
def _reached(part: str) -> frozenset[str]:
    """The parts of the core that a part imports, directly or by way of others."""
    direct: dict[str, set[str]] = {}
    for path in CORE:
        names = [name.split(".") for name in _imports(path) if name.startswith("fracture_core.")]
        direct.setdefault((*_module(path).split("."), "")[1], set()).update(name[1] for name in names)
    reached: set[str] = set()
    waiting = [part]
    while waiting:
        for name in direct.get(waiting.pop(), ()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return frozenset(reached)


def test_imports_are_found_wherever_they_hide():
    """The walk itself: without this, an empty answer would pass for a clean one."""
    training = frozenset().union(*map(_imports, (ROOT / "fracture_core" / "training").glob("*.py")))
    assert {"torch", "fracture_core.imaging.read_image", "tqdm", "timm.optim"} <= training
    assert {"errors", "imaging", "preprocessing", "datasets", "recipes", "dicom"} <= _reached("training")
    assert _reached("errors") == set()


@pytest.mark.parametrize("path", CORE, ids=_module)
def test_the_core_knows_no_page(path):
    assert not _tops(path) & {"streamlit", "ui", "pages", "app", "train", "tests", "scripts"}


@pytest.mark.parametrize("path", sorted((ROOT / "ui").rglob("*.py")), ids=_module)
def test_the_interface_knows_no_page(path):
    assert not _tops(path) & {"pages", "app", "train", "tests"}


def test_the_trainer_knows_no_interface():
    assert not _tops(ROOT / "train.py") & {"streamlit", "ui", "pages", "app", "tests"}


@pytest.mark.parametrize("place", range(len(CHAIN)))
def test_the_core_imports_one_way(place):
    assert not _reached(CHAIN[place]) & set(CHAIN[place + 1 :])


def test_explanations_know_no_registry():
    registries = tuple(f"fracture_core.{part}" for part in ("models", "weights", "recipes", "training"))
    assert not [name for name in _imports(ROOT / "fracture_core" / "explain.py") if name.startswith(registries)]


def test_modules_that_need_no_torch_load_none():
    """In the order given; the first module that brings torch or streamlit is the one named."""
    code = (
        "import importlib, json, sys\n"
        "brought = {}\n"
        f"for name in {WITHOUT_TORCH!r}:\n"
        "    importlib.import_module(f'fracture_core.{name}')\n"
        "    for heavy in ('torch', 'timm', 'lightning', 'streamlit'):\n"
        "        if heavy in sys.modules: brought.setdefault(heavy, name)\n"
        "print(json.dumps(brought))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == {}


def test_the_package_itself_loads_nothing():
    code = "import sys; before = set(sys.modules); import fracture_core; print(*(set(sys.modules) - before))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) <= {"fracture_core", "__future__"}
