"""The viewer without a browser: what pages get from it, its own JavaScript tests, and how modules are joined."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.marks import Mark
from ui.viewer import MODULES, Drawn, joined, script

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "ui" / "viewer"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no Node here: install it (Debian: apt-get install nodejs)")


def imports(name: str) -> dict[str, set[str]]:
    """The names that a module takes, by the module they come from."""
    found = re.findall(r'^import\s+\{([^}]*)\}\s+from\s+"\./(\w+)\.js";', source(name), re.MULTILINE)
    return {origin: {word.strip() for word in names.split(",") if word.strip()} for names, origin in found}


def source(name: str) -> str:
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")


def page() -> None:
    import numpy as np
    import streamlit as st

    from ui.viewer import encode_film, viewer

    picture = encode_film(np.zeros((40, 30), np.float32), label="Film", spacing=None, identity=st.session_state.film)
    st.session_state.got = viewer(picture, key="drawing", marks=(), revision=st.session_state.get("revision", 0))


def told(film: str, *, opening: int = 0, revision: int = 3) -> dict:
    """What the browser sends after a gesture."""
    mark = {"kind": "box", "points": [[1, 2], [11, 22]], "label": "fracture", "note": "", "id": "a"}
    return {"drawing": {"film": film, "opening": opening, "marks": [mark], "revision": revision, "seconds": 4.5}}


def run(app: AppTest, film: str, **state: Any) -> Drawn | None:
    app.session_state["film"] = film
    for name, value in state.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    return app.session_state["got"]


def test_what_was_drawn_comes_back_for_its_own_film_only() -> None:
    app = AppTest.from_function(page)
    assert run(app, "one") is None
    got = run(app, "one", drawing=told("one"))
    assert got == Drawn((Mark("box", ((1.0, 2.0), (11.0, 22.0)), id="a"),), 3, 4.5, "one")
    assert run(app, "two") is None
    assert run(app, "one") is None, "shown anew it begins with the page's marks"
    assert run(app, "one", drawing=told("one", opening=2)) is not None


def test_older_marks_than_the_pages_are_left() -> None:
    app = AppTest.from_function(page)
    run(app, "one")
    assert run(app, "one", drawing=told("one"), revision=3) is not None
    assert run(app, "one", revision=4) is None


@needs_node
def test_the_modules_pass_their_own_tests() -> None:
    files = sorted(str(path) for path in (ROOT / "tests" / "viewer").glob("*.test.js"))
    assert len(files) >= 3
    done = subprocess.run([str(NODE), "--test", *files], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@needs_node
def test_the_joined_text_is_one_valid_module(tmp_path: Path) -> None:
    text = tmp_path / "viewer.mjs"
    text.write_text(script(), encoding="utf-8")
    done = subprocess.run([str(NODE), "--check", str(text)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr  # names that two modules share are told here too


def test_joining_keeps_all_but_imports_and_exports() -> None:
    first = "// geometry\nexport const ONE = 1;\nexport function two() {\n  return 2;\n}\n"
    second = (
        'import { ONE } from "./first.js";\nimport {\n  two,\n} from "./first.js";\n\n'
        'const words = "import { x } from";\nexport default function (component) {\n  return two() + ONE;\n}\n'
    )
    assert joined([first, second]) == (
        "// geometry\nconst ONE = 1;\nfunction two() {\n  return 2;\n}\n\n"
        '\nconst words = "import { x } from";\nexport default function (component) {\n  return two() + ONE;\n}\n'
    )


def test_the_text_imports_nothing_and_has_one_default_export() -> None:
    text = script()
    assert re.findall(r"^import\b.*", text, re.MULTILINE) == []
    assert re.findall(r"^export.*", text, re.MULTILINE) == ["export default function (component) {"]


def test_every_module_is_joined_after_those_it_needs() -> None:
    assert sorted(MODULES) == sorted(path.stem for path in FOLDER.glob("*.js"))
    for place, name in enumerate(MODULES):
        for origin, names in imports(name).items():
            assert origin in MODULES[:place], f"{name} comes before {origin}"
            for taken in names:
                pattern = rf"^export (async )?(const|class|function) {taken}\b"
                assert re.search(pattern, source(origin), re.MULTILINE), f"{origin} has no {taken} for {name}"


def test_every_name_that_is_imported_is_used() -> None:
    for name in MODULES:
        body = re.sub(r'^import\s[^;]*?from\s"[^"]*";', "", source(name), flags=re.MULTILINE)
        for names in imports(name).values():
            assert [word for word in names if not re.search(rf"\b{word}\b", body)] == [], name


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in [*FOLDER.glob("*.js"), *FOLDER.glob("*.css")]:
        addresses = re.findall(r"https?://[^\s\"']+", path.read_text(encoding="utf-8"))
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, path.name
