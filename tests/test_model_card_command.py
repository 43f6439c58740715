"""``models --card``: on the screen, and as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fracture_core.__main__ import main


def test_a_card_on_the_screen_says_figures_limits_and_counts(capsys) -> None:
    assert main(["models", "--card", "default"]) == 0
    said = capsys.readouterr().out
    assert "AUC: 0." in said
    assert "misses" in said
    assert "CLAIM 2024:" in said and "not answered" in said


@pytest.mark.parametrize(("ending", "start"), [(".html", b"<!DOCTYPE html>"), (".pdf", b"%PDF"), (".JSON", b"{")])
def test_a_card_is_written_in_the_form_that_its_name_asks_for(tmp_path: Path, ending: str, start: bytes) -> None:
    output = tmp_path / "new" / f"card{ending}"
    assert main(["models", "--card", "default", "--output", str(output)]) == 0
    assert output.read_bytes().startswith(start)
    assert list(output.parent.iterdir()) == [output], "nothing half-written is left"


def test_the_json_is_the_document(tmp_path: Path) -> None:
    output = tmp_path / "card.json"
    main(["models", "--card", "default", "--output", str(output)])
    assert json.loads(output.read_text())["name"] == "default"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--card", "nobody"], "Unknown model 'nobody'"),
        (["--card", "default", "--output", "card.docx"], "give 'card.docx' one of these endings"),
        (["--output", "card.html"], "--card NAME"),
    ],
)
def test_a_wrong_command_says_what_is_right(arguments: list[str], sentence: str, capsys) -> None:
    assert main(["models", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, capsys) -> None:
    (tmp_path / "card.html").mkdir()
    assert main(["models", "--card", "default", "--output", str(tmp_path / "card.html")]) == 2
    assert "is a folder" in capsys.readouterr().err
