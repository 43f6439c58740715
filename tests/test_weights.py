"""Weights and cards: whole, checked, and never half replaced."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from fracture_core import weights
from fracture_core.errors import FractureError, UnknownName, WeightsError
from fracture_core.metrics import Calibration, Estimate, OperatingPoint

ESTIMATE = Estimate(0.9, 0.8, 0.95, 100)
FACTS = {
    "title": "A made-up model – für Tests",
    "model": "resnet18",
    "pipeline": "ours",
    "size": 64,
    "calibration": asdict(Calibration(1.5, -0.25)),
    "operating_points": {
        "balanced": asdict(OperatingPoint(0.4, "as told", ESTIMATE, Estimate(float("nan"), 0.0, 1.0, 0)))
    },
    "metrics": {"auc": asdict(ESTIMATE)},
}


def _network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


@pytest.fixture
def root(tmp_path) -> Path:
    """A folder with one model installed, named "made"."""
    weights.save(_network(), FACTS, tmp_path / "made")
    return tmp_path


def test_round_trip(root):
    card = weights.load_card("made", root=root)
    assert (card.name, card.title, card.model, card.pipeline, card.size) == (
        "made",
        FACTS["title"],
        "resnet18",
        "ours",
        64,
    )
    assert card.calibration == Calibration(1.5, -0.25)
    assert card.metrics == {"auc": ESTIMATE}
    point = card.operating_points["balanced"]
    assert (point.threshold, point.rule, point.sensitivity) == (0.4, "as told", ESTIMATE)

    state = weights.load_state(card, root=root)
    expected = _network().state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        assert state[name].dtype == tensor.dtype, name
        torch.testing.assert_close(state[name], tensor, rtol=2**-11, atol=2**-24)  # fp16's rounding
    _network(1).load_state_dict(state)


def test_stored_in_half_precision_beside_a_card_in_plain_words(root):
    stored = load_file(root / "made" / "model.safetensors")
    assert stored["0.weight"].dtype == torch.float16
    assert stored["1.num_batches_tracked"].dtype == torch.int64
    assert "für Tests" in (root / "made" / "card.json").read_text(encoding="utf-8")
    assert sorted(path.name for path in (root / "made").iterdir()) == ["card.json", "model.safetensors"]


def test_values_beyond_half_precision_survive(tmp_path):
    network = _network()
    network[1].running_var.fill_(1e6)
    card = weights.save(network, FACTS, tmp_path / "made")
    assert weights.load_state(card, root=tmp_path)["1.running_var"].tolist() == [1e6] * 4


def test_channels_last_weights_are_stored_alike(root, tmp_path):
    network = _network().to(memory_format=torch.channels_last)
    assert weights.save(network, FACTS, tmp_path / "last").sha256 == weights.load_card("made", root=root).sha256


def test_installed_lists_the_default_first(root):
    for name in ("zebra", "default", "ape"):
        weights.save(_network(), FACTS, root / name)
    (root / "empty").mkdir()
    assert weights.installed(root) == ["default", "ape", "made", "zebra"]
    assert weights.installed(root / "nowhere") == []


def test_the_environment_names_the_folder(root, monkeypatch):
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(root))
    assert weights.weights_root() == root
    assert weights.load_card("made").title == FACTS["title"]
    assert weights.load_state(weights.load_card("made")).keys() == _network().state_dict().keys()
    monkeypatch.delenv("FRACTURE_WEIGHTS")
    assert weights.weights_root() == weights.WEIGHTS


def test_an_unknown_name_lists_the_known(root):
    with pytest.raises(UnknownName, match=r"Unknown model 'other'\. Choose from: made\."):
        weights.load_card("other", root=root)
    with pytest.raises(UnknownName):  # a name is no path
        weights.load_card(f"../{root.name}/made", root=root)


def test_an_empty_folder_says_how_to_fill_it(tmp_path):
    with pytest.raises(WeightsError, match=r"No trained weights .* Restore .* python train\.py"):
        weights.load_card(root=tmp_path)


def test_swapped_weights_are_refused(root):
    content = (root / "made" / "model.safetensors").read_bytes()
    (root / "made" / "model.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsError, match=r"sha256 differs\): restore .* or train again"):
        weights.load_state(weights.load_card("made", root=root), root=root)


def test_missing_weights_are_told(root):
    (root / "made" / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"'made' cannot be read: restore 'model\.safetensors'"):
        weights.load_state(weights.load_card("made", root=root), root=root)


def test_bytes_that_are_no_safetensors_are_told_even_where_the_sum_agrees(root):
    import hashlib

    (root / "made" / "model.safetensors").write_bytes(b"no tensors")
    card = weights.Card("made", {**FACTS, "sha256": hashlib.sha256(b"no tensors").hexdigest()})
    with pytest.raises(WeightsError, match="cannot be read: restore"):
        weights.load_state(card, root=root)


def _without(field: str) -> str:
    return json.dumps({key: value for key, value in {**FACTS, "sha256": "0"}.items() if key != field})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"card"',
        "\udcff",
        *(_without(field) for field in [*FACTS, "sha256"]),
        json.dumps({**FACTS, "sha256": "0", "size": "large"}),
        json.dumps({**FACTS, "sha256": "0", "calibration": {"slope": 2}}),
        json.dumps({**FACTS, "sha256": "0", "metrics": {"auc": 0.9}}),
        json.dumps({**FACTS, "sha256": "0", "operating_points": [0.5]}),
    ],
)
def test_a_broken_card_is_told(root, text):
    (root / "made" / "card.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(WeightsError, match=r"card .* 'made' cannot be read: restore it"):
        weights.load_card("made", root=root)


@pytest.mark.parametrize("failing", ["model.safetensors", "card.json"])
def test_an_interrupted_save_leaves_the_old_files(root, monkeypatch, failing):
    before = {path.name: path.read_bytes() for path in (root / "made").iterdir()}
    write_bytes = Path.write_bytes

    def full_disk(path: Path, content: bytes) -> int:
        if path.name.startswith(failing):
            write_bytes(path, content[: len(content) // 2])
            raise OSError(28, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        weights.save(_network(1), FACTS, root / "made")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in (root / "made").iterdir()} == before
    weights.load_state(weights.load_card("made", root=root), root=root)


def test_a_save_cut_between_its_files_is_seen(root, monkeypatch):
    """New weights beside the old card: refused by their sum, never used."""
    replace = Path.replace

    def cut(path: Path, target: Path) -> Path:
        if target.name == "card.json":
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        weights.save(_network(1), FACTS, root / "made")
    monkeypatch.undo()
    with pytest.raises(WeightsError, match="sha256 differs"):
        weights.load_state(weights.load_card("made", root=root), root=root)


def test_saving_again_replaces_both(root):
    card = weights.save(_network(1), FACTS, root / "made")
    assert weights.load_card("made", root=root).sha256 == card.sha256
    state = weights.load_state(card, root=root)
    torch.testing.assert_close(state["0.weight"], _network(1)[0].weight.detach(), rtol=2**-11, atol=2**-24)


def test_every_error_is_fit_to_show():
    assert issubclass(WeightsError, FractureError)
    assert issubclass(UnknownName, FractureError)


def test_rounding_gives_the_weights_that_come_back(tmp_path: Path) -> None:
    model = _network()
    weights.round_to_shipped(model)
    rounded = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    card = weights.save(model, FACTS, tmp_path / "small")
    back = weights.load_state(card, root=tmp_path)
    assert all(torch.equal(rounded[name], back[name]) for name in rounded)
