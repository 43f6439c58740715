"""Weights as data: ``weights/<name>/model.safetensors`` beside ``card.json``. Never a pickle.

The card says everything that is needed to use the weights and to doubt them; pages that only show it need no
torch.

Weights are stored in one of two forms, which the file itself tells. "fp16": every tensor in half precision. "int8":
large tensors (``LARGE`` values and more, of two dimensions or more) in eight bits with one scale per output channel,
``weight = code * scale``; the rest in half precision. It takes half the room, for where the answers stay the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core.errors import UnknownName, WeightsError
from fracture_core.metrics import Calibration, Estimate, OperatingPoint
from fracture_core.results import to_json

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
DEFAULT = "default"
FORMS = FP16, INT8 = ("fp16", "int8")
LARGE = 4096  # values; smaller tensors would save little
AUC_TOLERANCE = 0.002  # the change of the AUC from which eight bits are too few; ours
_SCALE = "..scale"  # ends the name of a scale's tensor; torch allows no name with an empty part
_FIELDS = ("title", "model", "pipeline", "size", "sha256", "calibration", "operating_points", "metrics")


@dataclass(frozen=True, eq=False)
class Card:
    """A weight file's card.

    Attributes:
        name: the folder's name under ``weights/``.
        data: the card as written (see ``train.py`` for its fields).
    """

    name: str
    data: dict[str, Any]

    @property
    def title(self) -> str:
        return str(self.data["title"])

    @property
    def model(self) -> str:
        return str(self.data["model"])

    @property
    def pipeline(self) -> str:
        return str(self.data["pipeline"])

    @property
    def pipeline_options(self) -> dict[str, Any]:
        return dict(self.data.get("pipeline_options", {}))

    @property
    def size(self) -> int:
        return int(self.data["size"])

    @property
    def sha256(self) -> str:
        """Of ``model.safetensors``, hex."""
        return str(self.data["sha256"])

    @property
    def form(self) -> str:
        """How the weights are stored, one of ``FORMS``; cards that say nothing are older than "int8"."""
        return str(self.data.get("form", FP16))

    @cached_property
    def identity(self) -> str:
        """Tells this card from every other, and from itself after a change: a key for what was computed with it."""
        return hashlib.sha256(f"{self.name}\0{to_json(self.data)}".encode()).hexdigest()

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration(**self.data["calibration"])

    @cached_property
    def operating_points(self) -> dict[str, OperatingPoint]:
        """Rule name → threshold from validation with sensitivity and specificity measured on test."""
        return {
            name: OperatingPoint(
                threshold=point["threshold"],
                rule=point["rule"],
                sensitivity=_estimate(point["sensitivity"]),
                specificity=_estimate(point["specificity"]),
            )
            for name, point in self.data["operating_points"].items()
        }

    @cached_property
    def metrics(self) -> dict[str, Estimate]:
        """Test statistics by name, each with its interval."""
        return {name: _estimate(value) for name, value in self.data["metrics"].items()}


def _estimate(stored: dict[str, Any]) -> Estimate:
    """An estimate as written: a value that was no number is null in the file."""
    values: dict[str, Any] = {name: float("nan") if value is None else value for name, value in stored.items()}
    return Estimate(**values)


def weights_root() -> Path:
    """Where weights are installed: ``$FRACTURE_WEIGHTS``, else ``weights/`` beside the package."""
    return Path(os.environ.get("FRACTURE_WEIGHTS", WEIGHTS))


def installed(root: Path | None = None) -> list[str]:
    """Names of the installed weights, the default one first."""
    root = root or weights_root()
    names = sorted(path.parent.name for path in root.glob("*/card.json"))
    return sorted(names, key=lambda name: name != DEFAULT)


def load_card(name: str = DEFAULT, *, root: Path | None = None) -> Card:
    """The card of installed weights.

    Raises:
        UnknownName: no such weights are installed.
        WeightsError: none is installed at all, or the card cannot be read or lacks a field.
    """
    root = root or weights_root()
    names = installed(root)
    if name not in names:
        if not names:
            raise WeightsError(
                f"No trained weights are installed in '{root}'. "
                "Restore the weights/ folder of the repository, or train your own: "
                "python train.py ours --data DIR --weights weights/default."
            )
        raise UnknownName("model", name, names)
    path = root / name / "card.json"
    try:
        card = Card(name, json.loads(path.read_text(encoding="utf-8")))
        for field in _FIELDS:
            getattr(card, field)  # what is missing shows here, and not in the middle of a page
        return card
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise WeightsError(f"The card '{path.name}' of model '{name}' cannot be read: restore it.") from error


def load_state(card: Card, *, root: Path | None = None) -> dict[str, Any]:
    """The weights of a card as float32 tensors, checked against the card's sha256.

    Raises:
        WeightsError: the file is missing, damaged, or not the one that the card describes.
    """
    path = (root or weights_root()) / card.name / "model.safetensors"
    unreadable = f"The weights of model '{card.name}' cannot be read: restore '{path.name}'."
    tensors = read_tensors(
        path,
        sha256=card.sha256,
        differs=f"The weights of model '{card.name}' are not those its card describes (sha256 differs): "
        "restore the folder from the repository, or train again.",
        unreadable=unreadable,
    )
    try:
        return _unpacked(tensors)
    except (KeyError, RuntimeError) as error:  # a scale without its codes, or of another shape
        raise WeightsError(unreadable) from error


def read_tensors(path: Path, *, sha256: str, differs: str, unreadable: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose sha256 is known.

    Raises:
        WeightsError: with ``differs`` when it is another file, with ``unreadable`` when there is none to read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise WeightsError(differs)
        return load(content)
    except (OSError, SafetensorError) as error:
        raise WeightsError(unreadable) from error


def save(model: nn.Module, data: dict[str, Any], folder: Path, *, form: str = FP16) -> Card:
    """Write weights and card; the old ones are replaced once both new ones are on disk.

    Args:
        data: the card's fields; ``form`` and ``sha256`` are added here.
        form: one of ``FORMS``.

    Raises:
        UnknownName: there is no such form.
    """
    from safetensors.torch import save as serialise

    packed = _packed(model.state_dict(), form)
    content = serialise({name: tensor.contiguous().cpu() for name, tensor in packed.items()})
    card = Card(folder.name, {**data, "form": form, "sha256": hashlib.sha256(content).hexdigest()})
    text = to_json(card.data, indent=1).encode()
    _replace({folder / "model.safetensors": content, folder / "card.json": text})
    return card


def round_to_shipped(model: nn.Module, form: str = FP16) -> None:
    """Round a model's weights, in place, to the values that ``save`` stores and ``load_state`` gives back.

    Raises:
        UnknownName: there is no such form.
    """
    model.load_state_dict(_unpacked(_packed(model.state_dict(), form)))


def choose_form(model: nn.Module, auc: Callable[[nn.Module], float]) -> str:
    """The form to store a model in: "int8" where it moves the AUC by less than ``AUC_TOLERANCE``, else "fp16".

    Args:
        auc: measures a copy of the model as it would be loaded; on validation films, never on test films.
    """
    measured = {}
    for form in FORMS:
        rounded = deepcopy(model)
        round_to_shipped(rounded, form)
        measured[form] = auc(rounded)
    return INT8 if abs(measured[INT8] - measured[FP16]) < AUC_TOLERANCE else FP16


def _packed(state: dict[str, Tensor], form: str) -> dict[str, Tensor]:
    """The tensors of a state as they are stored in a form, with their scales."""
    if form not in FORMS:
        raise UnknownName("form of weights", form, FORMS)
    packed = {}
    for name, tensor in state.items():
        if form == INT8 and _is_large(tensor):
            packed[name], packed[name + _SCALE] = quantised(tensor)
        else:
            packed[name] = _halved(tensor)
    return packed


def _unpacked(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state from its stored tensors, of either form: float32, and integers as they are."""
    scales = {name.removesuffix(_SCALE): packed[name] for name in packed if name.endswith(_SCALE)}
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in packed.items()
        if not name.endswith(_SCALE)
    }
    return state | {name: state[name].float().mul_(scale) for name, scale in scales.items()}


def _is_large(tensor: Tensor) -> bool:
    large = tensor.is_floating_point() and tensor.ndim >= 2 and tensor.numel() >= LARGE
    return large and bool(tensor.float().isfinite().all())


def quantised(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """A tensor in eight bits, symmetric about zero: codes and scales, with ``tensor`` about ``codes * scales``.

    A scale is the channel's largest magnitude over 127, kept to 17 bits: its product with a code of seven bits is
    then exact in float32, so that what was quantised once quantises to itself. A channel of zeros, or of values so
    small that the scale would be no normal float32, has the scale 0.

    Args:
        tensor: finite, (channels, ...), two dimensions or more.

    Returns:
        int8 codes of the tensor's shape, in [-127, 127], and float32 scales (channels, 1, ...).
    """
    import torch

    values = tensor.float()
    exact = values.abs().amax(dim=tuple(range(1, values.ndim)), keepdim=True) / 127
    scales = ((exact.view(torch.int32) + 0x40) & ~0x7F).view(torch.float32)  # the nearest with its last 7 bits clear
    scales = scales.where(exact >= torch.finfo(torch.float32).tiny, 0)
    codes = (values / scales.where(scales > 0, 1)).round().clamp(-127, 127)
    return codes.to(torch.int8), scales


def _halved(tensor: Tensor) -> Tensor:
    """A float32 tensor as fp16, unless a value (a batch norm's variance) lies beyond fp16's range."""
    half = tensor.half()
    return half if tensor.is_floating_point() and half.isfinite().all() else tensor


def _replace(contents: dict[Path, bytes]) -> None:
    partials = {path: path.with_name(f"{path.name}.{os.getpid()}.partial") for path in contents}
    try:
        for path, partial in partials.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(contents[path])
        for path, partial in partials.items():
            partial.replace(path)
    finally:
        for partial in partials.values():
            partial.unlink(missing_ok=True)
