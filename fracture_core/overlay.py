"""Films and heatmaps as pictures: what the app, the report and the command line show."""

from __future__ import annotations

import base64

import cv2
import numpy as np

COLOUR_MAPS = {"inferno": cv2.COLORMAP_INFERNO, "viridis": cv2.COLORMAP_VIRIDIS, "jet": cv2.COLORMAP_JET}
MAP_COLOUR_MAP = "inferno"  # perceptually uniform: equal steps of the map look equal


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """float in [0, 1] → uint8, of any shape; uint8 stays as it is."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.asarray(np.clip(pixels, 0, 1) * 255 + 0.5, dtype=np.uint8)


def fit_within(pixels: np.ndarray, longest: int) -> np.ndarray:
    """The picture shrunk so that its longer side is at most ``longest`` pixels; never enlarged."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def colourise(heat: np.ndarray, *, threshold: float = 0.0, colours: str = MAP_COLOUR_MAP) -> np.ndarray:
    """A map as colours whose alpha follows its value.

    Args:
        heat: float (H, W) in [0, 1].
        threshold: values below it are clear.
        colours: a key of ``COLOUR_MAPS``.

    Returns:
        uint8 (H, W, 4), RGBA.
    """
    values = to_uint8(heat)
    rgb = cv2.cvtColor(cv2.applyColorMap(values, COLOUR_MAPS[colours]), cv2.COLOR_BGR2RGB)
    alpha = np.where(values >= round(threshold * 255), values, 0).astype(np.uint8)
    return np.dstack([rgb, alpha])


def blend(
    pixels: np.ndarray,
    heat: np.ndarray,
    *,
    opacity: float = 0.6,
    threshold: float = 0.0,
    colours: str = MAP_COLOUR_MAP,
) -> np.ndarray:
    """A film with its map over it.

    Args:
        pixels, heat: float (H, W) in [0, 1], of one shape.
        opacity: share of the map where it is 1, in [0, 1].

    Returns:
        uint8 (H, W, 3), RGB.
    """
    film = np.repeat(to_uint8(pixels)[..., None], 3, axis=2).astype(np.float32)
    rgba = colourise(heat, threshold=threshold, colours=colours).astype(np.float32)
    alpha = rgba[..., 3:] / 255 * opacity
    return np.asarray(film * (1 - alpha) + rgba[..., :3] * alpha + 0.5, dtype=np.uint8)


def encode_png(picture: np.ndarray) -> bytes:
    """uint8 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA → PNG bytes."""
    conversions = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    ordered = cv2.cvtColor(picture, conversions[picture.shape[2]]) if picture.ndim == 3 else picture
    done, buffer = cv2.imencode(".png", ordered)
    assert done, "PNG encoding of a uint8 picture cannot fail"
    return buffer.tobytes()


def encode_jpeg(picture: np.ndarray, *, quality: int = 90) -> bytes:
    """uint8 (H, W) or (H, W, 3) RGB → JPEG bytes."""
    ordered = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    done, buffer = cv2.imencode(".jpg", ordered, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "JPEG encoding of a uint8 picture cannot fail"
    return buffer.tobytes()


def data_url(content: bytes, kind: str) -> str:
    """Bytes as an address that a browser shows without asking any server, ``kind`` being their media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
