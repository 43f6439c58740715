"""``make bench``: what an answer with its map costs, as a ratio to the bare network in the same run.

Rounds of all contestants are interleaved and the medians compared, so that a busy machine slows all alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from fracture_core import phantom
from fracture_core.explain import explain
from fracture_core.imaging import read_image
from fracture_core.inference import load_classifier

ROUNDS = 60


def main() -> None:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    classifier, hooked = load_classifier(), load_classifier()
    content = phantom.to_png(phantom.radiograph(seed=4, region="leg", fracture="oblique"))
    film = read_image(content)
    inputs = torch.from_numpy(classifier.pipeline(film.pixels).input)[None].contiguous(
        memory_format=torch.channels_last
    )
    hooked.model.requires_grad_(True)  # as a network comes from its builder, and as the usual call needs it
    members = getattr(hooked.model, "members", [hooked.model])
    usual_cam = GradCAM(model=hooked.model, target_layers=[member.smooth[0] for member in members])
    view = classifier.view(film)

    def bare() -> None:
        with torch.inference_mode():
            classifier.model(inputs)

    def usual() -> None:
        bare()  # the usual call gives no answer of its own: people run the network, then the map
        usual_cam(input_tensor=inputs, targets=[ClassifierOutputTarget(1)])

    def ours() -> None:
        seen = classifier.view(film)
        classifier.predict(film, view=seen)
        explain(classifier, film, view=seen)

    def ours_file() -> None:
        seen = classifier.view(opened := read_image(content))
        classifier.predict(opened, view=seen)
        explain(classifier, opened, view=seen)

    def network_and_map() -> None:
        with torch.inference_mode():
            features = classifier.model.forward_features(inputs)
            classifier.model.forward_head(features)
        explain(classifier, film, method="gradcam", view=type(view)(view.prepared, features, view.logits, 0.0))

    contestants: dict[str, Callable[[], None]] = {
        "bare forward pass": bare,
        "forward pass + Grad-CAM, ours": network_and_map,
        "film → answer + gate + its map, ours": ours,
        "file → answer + gate + its map, ours": ours_file,
        "forward pass + Grad-CAM, the library's usual call": usual,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_ in range(ROUNDS + 5):
        for name, run in contestants.items():
            began = time.perf_counter()
            run()
            if round_ >= 5:
                seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        f"{classifier.card.title}, {classifier.card.size} px, {torch.get_num_threads()} threads, median of {ROUNDS}"
    )
    for name, value in medians.items():
        print(f"  {name:52} {value * 1000:7.1f} ms  {value / medians['bare forward pass']:5.2f} x bare")


if __name__ == "__main__":
    main()
