"""Which state of the program made a record."""

from __future__ import annotations

from fracture_core import provenance


def test_a_commit_is_forty_digits_or_none():
    found = provenance.commit()
    assert found is None or (len(found) == 40 and int(found, 16) >= 0)


def test_there_is_no_commit_outside_a_checkout_or_without_git(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit() is None


def test_what_is_told_goes_before_what_the_checkout_says(monkeypatch):
    monkeypatch.setenv("FRACTURE_COMMIT", "a" * 40)
    assert provenance.commit() == "a" * 40
