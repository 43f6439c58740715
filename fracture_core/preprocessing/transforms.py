"""The deterministic transforms of the five papers, each a frozen dataclass over a pure function.

A transform takes an image, float32 in [0, 1] or uint8 in [0, 255], shape (H, W) unless it says otherwise,
and returns a new one. Its geometry needs no pixels: ``result_shape`` and ``matrix`` follow from the shape.
Constants cite the paper that states them; ``not stated; ours`` marks a gap we filled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np
from PIL import Image

from fracture_core.preprocessing import geometry
from fracture_core.preprocessing.geometry import Shape

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Transform:
    """One step of a pipeline. Subclasses say what happens to the pixels and, if they move, where to."""

    name: ClassVar[str] = ""  # plain words, for display
    source: str = ""  # where the paper states it

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The transformed image; ``image`` itself is never written to."""
        raise NotImplementedError

    def result_shape(self, shape: Shape) -> Shape:
        """(H, W) of the result for an image of ``shape`` (H, W)."""
        return shape

    def matrix(self, shape: Shape) -> np.ndarray:
        """Affine float64 (2, 3) from the image's pixels to the result's, for an image of ``shape``."""
        return geometry.identity()

    def display(self, result: np.ndarray) -> np.ndarray:
        """The result as a picture: uint8, or float32 in [0, 1]."""
        return result


def shape_of(image: np.ndarray) -> Shape:
    """(H, W) of an image (H, W) or (H, W, 3)."""
    return image.shape[0], image.shape[1]


def checked(image: np.ndarray) -> np.ndarray:
    """``image`` as uint8 or float32. Raises ``ValueError`` or ``TypeError`` for an array that is no image."""
    if image.ndim not in (2, 3) or image.size == 0:
        raise ValueError(f"expected an image (H, W) or (H, W, 3) with pixels in it, got shape {image.shape}")
    if image.dtype == np.uint8:
        return image
    if not np.issubdtype(image.dtype, np.floating):
        raise TypeError(f"expected float gray values in [0, 1] or uint8, got {image.dtype}")
    return image.astype(np.float32, copy=False)


# Gray values ------------------------------------------------------------------------------------------------


def as_uint8(image: np.ndarray) -> np.ndarray:
    """[0, 1] → [0, 255], rounded; uint8 passes through."""
    if image.dtype == np.uint8:
        return image
    return np.rint(np.clip(image, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)


def as_unit(image: np.ndarray) -> np.ndarray:
    """uint8 [0, 255] → float32 [0, 1]; floats pass through as float32."""
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255.0)
    return image.astype(np.float32, copy=False)


def like(unit: np.ndarray, image: np.ndarray) -> np.ndarray:
    """``unit``, float in [0, 1] or a little beyond, in the dtype of ``image``."""
    unit = np.clip(unit, 0.0, 1.0).astype(np.float32, copy=False)
    return as_uint8(unit) if image.dtype == np.uint8 else unit


def gray(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) RGB → (H, W) by ITU-R 601 luma weights; (H, W) passes through, (H, W, 1) is squeezed."""
    if image.ndim == 2:
        return image
    if image.ndim == 3 and image.shape[2] == 1:
        return image[:, :, 0]
    if image.ndim == 3 and image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    raise TypeError(f"expected an image (H, W) or (H, W, 3), got shape {image.shape}")


@dataclass(frozen=True, kw_only=True)
class Gray(Transform):
    """One gray channel from (H, W, 3); a gray film passes through."""

    name: ClassVar[str] = "Gray"
    source: str = "lisbon2023, Preprocessing Steps: Grayscale Conversion"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return gray(image)


@dataclass(frozen=True, kw_only=True)
class ToUint8(Transform):
    """256 gray levels."""

    name: ClassVar[str] = "8-bit gray levels"
    source: str = "lisbon2023, Preprocessing Steps: Data Type Standardization"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return as_uint8(image)


@dataclass(frozen=True, kw_only=True)
class CopyChannels(Transform):
    """(H, W) → (H, W, 3), the same gray in each channel, for networks made for colour pictures."""

    name: ClassVar[str] = "Copied to three channels"
    source: str = "lisbon2023, Preprocessing Steps: Duplication of Channels"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.repeat(image[:, :, None], 3, axis=2)


def normalise(image: np.ndarray, *, mean: Triple, std: Triple) -> np.ndarray:
    """(x - mean) / std per channel, x in [0, 1]: float32 (H, W, 3) from (H, W) or (H, W, 3)."""
    unit = as_unit(image)
    unit = unit[:, :, None] if unit.ndim == 2 else unit
    return (unit - np.asarray(mean, dtype=np.float32)) / np.asarray(std, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Normalise(Transform):
    """Gray values in [0, 1], less ``mean``, over ``std``, per channel."""

    name: ClassVar[str] = "Normalised"
    mean: Triple
    std: Triple

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return normalise(image, mean=self.mean, std=self.std)

    def display(self, result: np.ndarray) -> np.ndarray:
        """Mapped back to [0, 1]: what the network receives, as a picture."""
        mean, std = np.asarray(self.mean, dtype=np.float32), np.asarray(self.std, dtype=np.float32)
        return np.clip(result * std + mean, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class ImageNetNormalise(Normalise):
    """Mean and standard deviation of ImageNet's photographs."""

    name: ClassVar[str] = "ImageNet mean and standard deviation"
    source: str = "multiregion2024, Data Preprocessing and Augmentation: Normalization"
    mean: Triple = (0.485, 0.456, 0.406)  # multiregion2024, Data Preprocessing and Augmentation
    std: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class UnitNormalise(Normalise):
    """Gray values scaled to [0, 1]."""

    name: ClassVar[str] = "Scaled to [0, 1]"
    source: str = "wang2024, Pre-processing: pixel values scaled to a range of 0 to 1"
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class SymmetricNormalise(Normalise):
    """(x - 0.5) / 0.5: gray values scaled to [-1, 1]."""

    name: ClassVar[str] = "Scaled to [-1, 1]"
    source: str = "ours"
    mean: Triple = (0.5, 0.5, 0.5)
    std: Triple = (0.5, 0.5, 0.5)


# Size -------------------------------------------------------------------------------------------------------


def resize(image: np.ndarray, shape: Shape) -> np.ndarray:
    """Plain resize of (H, W) to ``shape``, PIL's bilinear, which averages when it shrinks."""
    if image.shape == shape:
        return image
    resized = Image.fromarray(image).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized)


@dataclass(frozen=True, kw_only=True)
class Resize(Transform):
    """To a square of ``size`` pixels whatever the film's shape: a film that is not square is distorted."""

    name: ClassVar[str] = "Resized to a square"
    source: str = "multiregion2024, Data Preprocessing and Augmentation: Resize"
    size: int = 224  # multiregion2024, Data Preprocessing and Augmentation; wang2024, Pre-processing

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return resize(image, (self.size, self.size))

    def result_shape(self, shape: Shape) -> Shape:
        return self.size, self.size

    def matrix(self, shape: Shape) -> np.ndarray:
        return geometry.scaling(self.size / shape[1], self.size / shape[0])


def thumbnail_shape(shape: Shape, size: int) -> Shape:
    """(H, W) that ``PIL.Image.thumbnail((size, size))`` gives an image of ``shape``: it never enlarges."""
    height, width = shape
    if size >= width and size >= height:
        return shape
    aspect = width / height
    if aspect <= 1.0:
        exact = size * aspect
        nearest = min(math.floor(exact), math.ceil(exact), key=lambda n: abs(aspect - n / size))
        return size, max(nearest, 1)
    exact = size / aspect
    nearest = min(math.floor(exact), math.ceil(exact), key=lambda n: 0 if n == 0 else abs(aspect - size / n))
    return max(nearest, 1), size


def thumbnail(image: np.ndarray, size: int) -> np.ndarray:
    """``PIL.Image.thumbnail`` with LANCZOS: (H, W) shrunk, aspect kept, to fit a square of ``size``."""
    picture = Image.fromarray(image)
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.asarray(picture)


@dataclass(frozen=True, kw_only=True)
class Thumbnail(Transform):
    """Shrunk by LANCZOS to fit a square, aspect kept; a film that already fits is left as it is."""

    name: ClassVar[str] = "Thumbnail (LANCZOS), aspect kept"
    source: str = "lisbon2023, Preprocessing Steps: Resizing and Padding"
    size: int = 224  # lisbon2023, Preprocessing Steps: Resizing and Padding

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return thumbnail(image, self.size)

    def result_shape(self, shape: Shape) -> Shape:
        return thumbnail_shape(shape, self.size)

    def matrix(self, shape: Shape) -> np.ndarray:
        height, width = self.result_shape(shape)
        return geometry.scaling(width / shape[1], height / shape[0])


def pad(image: np.ndarray, size: int) -> np.ndarray:
    """(H, W), each at most ``size``, centred on a black square of ``size`` pixels."""
    height, width = image.shape
    square = np.zeros((size, size), dtype=image.dtype)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = image
    return square


@dataclass(frozen=True, kw_only=True)
class Pad(Transform):
    """Centred on a black square. Where the film is put and the padding's gray are not stated; ours."""

    name: ClassVar[str] = "Padded to a square"
    source: str = "lisbon2023, Preprocessing Steps: Resizing and Padding"
    size: int = 224  # lisbon2023, Preprocessing Steps: Resizing and Padding

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return pad(image, self.size)

    def result_shape(self, shape: Shape) -> Shape:
        return self.size, self.size

    def matrix(self, shape: Shape) -> np.ndarray:
        return geometry.translation((self.size - shape[1]) // 2, (self.size - shape[0]) // 2)


def letterbox_shape(shape: Shape, size: int) -> Shape:
    """(H, W) of an image of ``shape`` scaled, aspect kept, so that its longer side is ``size``."""
    scale = size / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resample(image: np.ndarray, shape: Shape) -> np.ndarray:
    """(H, W) or (H, W, 3) brought to ``shape``: shrunk by area averaging, grown by bicubic interpolation.

    Area averaging neither aliases nor rings.
    """
    if shape_of(image) == shape:
        return image
    shrunk = max(shape) < max(shape_of(image))
    method = cv2.INTER_AREA if shrunk else cv2.INTER_CUBIC
    resized = cv2.resize(image, (shape[1], shape[0]), interpolation=method)
    # Bicubic interpolation overshoots at edges.
    return resized if image.dtype == np.uint8 else np.clip(resized, 0.0, 1.0)


def letterbox(image: np.ndarray, size: int) -> np.ndarray:
    """(H, W) scaled, aspect kept, and centred on a black square of ``size`` pixels."""
    return pad(resample(image, letterbox_shape(shape_of(image), size)), size)


@dataclass(frozen=True, kw_only=True)
class Letterbox(Transform):
    """Scaled, aspect kept, and centred on a black square: nothing is cut off, nothing distorted."""

    name: ClassVar[str] = "Fitted to a square, aspect kept"
    source: str = "ours"
    size: int = 384

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return letterbox(image, self.size)

    def result_shape(self, shape: Shape) -> Shape:
        return self.size, self.size

    def matrix(self, shape: Shape) -> np.ndarray:
        height, width = letterbox_shape(shape, self.size)
        return geometry.compose(
            geometry.scaling(width / shape[1], height / shape[0]),
            geometry.translation((self.size - width) // 2, (self.size - height) // 2),
        )


def crop_box(shape: Shape, fraction: float) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the central part of ``shape`` with ``fraction`` of each side."""
    height, width = (min(side, max(1, round(side * fraction))) for side in shape)
    return (shape[0] - height) // 2, (shape[1] - width) // 2, height, width


@dataclass(frozen=True, kw_only=True)
class CentralCrop(Transform):
    """The central part of the film. The paper warns of it: fractures at the corners are cut off."""

    name: ClassVar[str] = "Central crop"
    source: str = "gupta2024, Training & Results: tried and rejected"
    fraction: float = 0.8  # of each side; not stated; ours

    def __call__(self, image: np.ndarray) -> np.ndarray:
        top, left, height, width = crop_box(shape_of(image), self.fraction)
        return image[top : top + height, left : left + width]

    def result_shape(self, shape: Shape) -> Shape:
        return crop_box(shape, self.fraction)[2:]

    def matrix(self, shape: Shape) -> np.ndarray:
        top, left, _, _ = crop_box(shape, self.fraction)
        return geometry.translation(-left, -top)


# Contrast, noise, edges -------------------------------------------------------------------------------------


def clahe(image: np.ndarray, *, clip: float, tiles: int) -> np.ndarray:
    """Contrast-limited adaptive histogram equalisation on ``tiles`` x ``tiles`` tiles: uint8 (H, W)."""
    return cv2.createCLAHE(clipLimit=clip, tileGridSize=(tiles, tiles)).apply(as_uint8(image))


@dataclass(frozen=True, kw_only=True)
class Clahe(Transform):
    """Contrast-limited adaptive histogram equalisation: local contrast raised, noise held back."""

    name: ClassVar[str] = "Local contrast (CLAHE)"
    source: str = "lisbon2023, Preprocessing Steps: CLAHE"
    clip: float = 2.0  # lisbon2023, Preprocessing Steps: CLAHE
    tiles: int = 8  # lisbon2023, Preprocessing Steps: CLAHE

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return clahe(image, clip=self.clip, tiles=self.tiles)


Conduction = Literal["exponential", "rational"]


def anisotropic_diffusion(
    image: np.ndarray, *, iterations: int, kappa: float, step: float, conduction: Conduction
) -> np.ndarray:
    """Perona and Malik, IEEE PAMI 12(7):629-639 (1990): diffuse within regions, not across edges.

    Each iteration moves gray between neighbours by ``step`` · g(d) · d, d their difference in [0, 1], with
    g(d) = exp(-(d / kappa)²) ("exponential") or 1 / (1 + (d / kappa)²) ("rational"). Nothing flows through
    the border, so the mean gray is kept. Stable for ``step`` ≤ 0.25. Returns the dtype of ``image``.
    """
    field = as_unit(image).copy()
    for _ in range(iterations):
        down = _flow(np.diff(field, axis=0), kappa, conduction) * np.float32(step)
        across = _flow(np.diff(field, axis=1), kappa, conduction) * np.float32(step)
        field[:-1] += down
        field[1:] -= down
        field[:, :-1] += across
        field[:, 1:] -= across
    return like(field, image)


def _flow(difference: np.ndarray, kappa: float, conduction: Conduction) -> np.ndarray:
    relative = np.square(difference / np.float32(kappa))
    if conduction == "exponential":
        return difference * np.exp(-relative)
    return difference / (1 + relative)


@dataclass(frozen=True, kw_only=True)
class AnisotropicDiffusion(Transform):
    """Perona-Malik diffusion: noise smoothed, edges kept. All four constants are not stated; ours."""

    name: ClassVar[str] = "Anisotropic diffusion"
    source: str = "gupta2024, Anisotropic Diffusion Transform; Perona & Malik 1990"
    iterations: int = 15  # not stated; ours
    kappa: float = 0.02  # not stated; ours: 5 of 255 gray levels
    step: float = 0.2  # not stated; ours
    conduction: Conduction = "exponential"  # not stated; ours: Perona & Malik's choice for sharp edges

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return anisotropic_diffusion(
            image,
            iterations=self.iterations,
            kappa=self.kappa,
            step=self.step,
            conduction=self.conduction,
        )


def canny(image: np.ndarray, *, sigma: float, strong: float, ratio: float) -> np.ndarray:
    """Canny's edges, uint8 (H, W), 0 or 255, after a Gaussian blur of ``sigma`` pixels.

    Hysteresis starts at the gradient that only the share ``strong`` of the pixels exceeds, so that pale
    films show their edges too, and goes down to ``ratio`` times that.
    """
    smooth = cv2.GaussianBlur(as_uint8(image), (0, 0), sigma)
    across, down = cv2.Sobel(smooth, cv2.CV_16S, 1, 0), cv2.Sobel(smooth, cv2.CV_16S, 0, 1)
    high = float(np.quantile(np.hypot(across.astype(np.float32), down.astype(np.float32)), 1.0 - strong))
    return cv2.Canny(across, down, ratio * high, high, L2gradient=True)


@dataclass(frozen=True, kw_only=True)
class CannyEdges(Transform):
    """Canny's edges, white on black."""

    name: ClassVar[str] = "Canny edges"
    source: str = "gupta2024, Canny Edge Detection"
    sigma: float = 1.4  # not stated; ours: the usual 5 x 5 kernel's
    strong: float = 0.1  # not stated; ours
    ratio: float = 0.4  # not stated; ours

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return canny(image, sigma=self.sigma, strong=self.strong, ratio=self.ratio)
