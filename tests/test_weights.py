"""Weights and cards: whole, checked, and never half replaced."""

from __future__ import annotations

import hashlib
import json
import math
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save
from torch import nn

from fracture_core import weights
from fracture_core.errors import FractureError, UnknownName, WeightsError
from fracture_core.inference import load_classifier
from fracture_core.metrics import Calibration, Estimate, OperatingPoint
from fracture_core.models import build_model

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


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    torch.manual_seed(0)
    return build_model("resnet18")


def _values(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("form", weights.FORMS)
def test_rounding_gives_the_weights_that_come_back(resnet: nn.Module, tmp_path: Path, form: str) -> None:
    card = weights.save(resnet, FACTS, tmp_path / "exact", form=form)
    back = weights.load_state(card, root=tmp_path)
    rounded = deepcopy(resnet)
    weights.round_to_shipped(rounded, form)
    assert _same(_values(rounded), back)
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in back.values())

    assert weights.save(rounded, FACTS, tmp_path / "rounded", form=form).sha256 == card.sha256
    weights.round_to_shipped(rounded, form)
    assert _same(_values(rounded), back)


def test_eight_bits_take_half_the_room(resnet: nn.Module, tmp_path: Path) -> None:
    for form in weights.FORMS:
        weights.save(resnet, FACTS, tmp_path / form, form=form)
        assert weights.load_card(form, root=tmp_path).form == form
    sizes = [(tmp_path / form / "model.safetensors").stat().st_size for form in weights.FORMS]
    assert 0.49 < sizes[1] / sizes[0] < 0.52
    stored = load_file(tmp_path / "int8" / "model.safetensors")
    assert stored["layer1.0.conv1.weight"].dtype == torch.int8
    assert stored["layer1.0.conv1.weight..scale"].shape == (64, 1, 1, 1)
    assert stored["layer1.0.bn1.weight"].dtype == torch.float16
    assert stored["fc.weight"].dtype == torch.float16  # 2 x 512 values are few
    assert stored["bn1.num_batches_tracked"].dtype == torch.int64


def test_eight_bits_answer(resnet: nn.Module, tmp_path: Path) -> None:
    weights.save(resnet, FACTS, tmp_path / "made", form="int8")
    classifier = load_classifier("made", root=tmp_path, folded=False)
    rounded = deepcopy(resnet).eval()
    weights.round_to_shipped(rounded, "int8")
    assert _same(_values(classifier.model), _values(rounded))
    film = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(classifier.model(film), rounded(film))


def test_a_card_without_a_form_is_read(root: Path) -> None:
    path = root / "made" / "card.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert facts.pop("form") == "fp16"
    path.write_text(json.dumps(facts), encoding="utf-8")
    card = weights.load_card("made", root=root)
    assert card.form == "fp16"
    _network().load_state_dict(weights.load_state(card, root=root))


def test_an_unknown_form_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'int4'\. Choose from: fp16, int8\."):
        weights.save(_network(), FACTS, tmp_path / "made", form="int4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "stored",
    [
        {"weight..scale": torch.ones(2, 1)},
        {"weight": torch.ones(2, 3, dtype=torch.int8), "weight..scale": torch.ones(5, 1)},
    ],
)
def test_scales_that_do_not_fit_are_told(root: Path, stored: dict[str, torch.Tensor]) -> None:
    content = save(stored)
    (root / "made" / "model.safetensors").write_bytes(content)
    card = weights.Card("made", {**FACTS, "sha256": hashlib.sha256(content).hexdigest()})
    with pytest.raises(WeightsError, match="cannot be read: restore"):
        weights.load_state(card, root=root)


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(st.lists(FLOATS, min_size=3, max_size=3), min_size=1, max_size=6))
def test_eight_bits_are_off_by_half_a_step_and_quantise_to_themselves(channels: list[list[float]]) -> None:
    values = torch.tensor(channels, dtype=torch.float32)
    codes, scales = weights.quantised(values)
    assert codes.abs().max() <= 127
    restored = codes * scales
    off = (restored.double() - values.double()).abs()
    rounding = 1e-4 * scales.double() + 127 * torch.finfo(torch.float32).tiny * 1.01
    assert (off <= scales.double() / 2 + rounding).all()
    again, same = weights.quantised(restored)
    assert torch.equal(same, scales)
    assert torch.equal(again, codes)


def test_channels_of_zeros_stay_zeros() -> None:
    values = torch.zeros(3, 2, 2)
    values[1] = torch.tensor([[-1.0, 0.5], [0.25, 1e-9]])
    codes, scales = weights.quantised(values)
    assert (codes * scales)[[0, 2]].count_nonzero() == 0
    assert codes[1].tolist() == [[-127, 64], [32, 0]]
    assert scales.shape == (3, 1, 1)


def test_what_is_no_number_is_left_as_it_is(tmp_path: Path) -> None:
    model = nn.Linear(64, 64)
    model.weight.data[0, 0] = math.inf
    card = weights.save(model, FACTS, tmp_path / "made", form="int8")
    assert torch.equal(weights.load_state(card, root=tmp_path)["weight"], model.weight)


@pytest.mark.parametrize(
    ("moved", "form"), [(0.0, "int8"), (0.0019, "int8"), (-0.0019, "int8"), (0.0021, "fp16"), (-0.1, "fp16")]
)
def test_eight_bits_are_chosen_where_the_auc_stays(moved: float, form: str) -> None:
    model = nn.Linear(64, 64)
    before = _values(model)
    halved = deepcopy(model)
    weights.round_to_shipped(halved)

    def auc(measured: nn.Module) -> float:
        return 0.9 if _same(_values(measured), _values(halved)) else 0.9 + moved

    assert weights.choose_form(model, auc) == form
    assert _same(_values(model), before)


def test_half_precision_is_chosen_where_there_is_no_auc() -> None:
    assert weights.choose_form(nn.Linear(64, 64), lambda model: math.nan) == "fp16"
