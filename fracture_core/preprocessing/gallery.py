"""Every transform by name, and one of them shown on a film, before and after."""

from __future__ import annotations

import numpy as np

from fracture_core.errors import UnknownName
from fracture_core.preprocessing import augmentations, regions, transforms
from fracture_core.preprocessing.augmentations import RandomTransform
from fracture_core.preprocessing.pipelines import Stage
from fracture_core.preprocessing.transforms import Transform

TRANSFORMS: dict[str, type[Transform] | type[RandomTransform]] = {
    "gray": transforms.Gray,
    "uint8": transforms.ToUint8,
    "clahe": transforms.Clahe,
    "thumbnail": transforms.Thumbnail,
    "pad": transforms.Pad,
    "resize": transforms.Resize,
    "letterbox": transforms.Letterbox,
    "channels": transforms.CopyChannels,
    "normalise_imagenet": transforms.ImageNetNormalise,
    "normalise_unit": transforms.UnitNormalise,
    "normalise_symmetric": transforms.SymmetricNormalise,
    "diffusion": transforms.AnisotropicDiffusion,
    "canny": transforms.CannyEdges,
    "segmentation": regions.Segmentation,
    "roi_mask": regions.RoiMask,
    "central_crop": transforms.CentralCrop,
    "random_crop": augmentations.RandomCentralCrop,
    "horizontal_flip": augmentations.RandomHorizontalFlip,
    "vertical_flip": augmentations.RandomVerticalFlip,
    "rotation": augmentations.RandomRotation,
    "scaling": augmentations.RandomScaling,
    "contrast": augmentations.RandomContrast,
    "colour_jitter": augmentations.ColourJitter,
    "noise": augmentations.GaussianNoise,
}


def before_after(name: str, pixels: np.ndarray, *, seed: int = 0, longest: int = 528) -> tuple[Stage, Stage]:
    """The film before and after the transform called ``name``, both fit for display.

    ``pixels`` is float32 (H, W) in [0, 1], or (H, W, 3), or uint8. A film whose longer side is beyond
    ``longest`` is first brought down to it: constants counted in pixels are meant for network inputs. The
    same ``seed`` draws the same change. Raises ``UnknownName`` for a transform that does not exist.
    """
    if name not in TRANSFORMS:
        raise UnknownName("transform", name, TRANSFORMS)
    film = transforms.checked(pixels)
    if name != "gray":
        film = transforms.gray(film)
    shape = transforms.shape_of(film)
    if max(shape) > longest:
        film = transforms.resample(film, transforms.letterbox_shape(shape, longest))
    if name == "pad":  # made for a film that already fits its square
        film = transforms.thumbnail(film, transforms.Pad().size)
    chosen = TRANSFORMS[name]()
    step = chosen.draw(np.random.default_rng(seed)) if isinstance(chosen, RandomTransform) else chosen
    return Stage("Film", "", film), Stage(chosen.name, chosen.source, step.display(step(film)))
