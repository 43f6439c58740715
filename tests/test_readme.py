from __future__ import annotations

from scripts.readme import README, with_table


def test_the_readmes_results_are_those_of_the_cards() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python -m scripts.readme"


def test_the_readme_names_the_two_commands_and_the_limits_of_use() -> None:
    first_screen = README.read_text(encoding="utf-8")[:1500]
    assert "make run" in first_screen
    assert "make test" in first_screen
    assert "Not a medical device" in README.read_text(encoding="utf-8")
