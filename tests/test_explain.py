from __future__ import annotations

import numpy as np
import pytest
import torch

from fracture_core.errors import UnknownName
from fracture_core.explain import EVIDENCE, METHODS, Heatmap, explain, first_component, methods_for
from fracture_core.imaging import read_image
from fracture_core.inference import Classifier, load_classifier
from fracture_core.models import build_model
from fracture_core.phantom import radiograph, to_png


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier("plain")


@pytest.fixture(scope="module")
def film():
    return read_image(to_png(radiograph(seed=3, fracture="oblique", size=(300, 220))), name="phantom.png")


@pytest.mark.parametrize("method", methods_for(points=False))
def test_every_method_gives_a_map_of_the_films_size(classifier: Classifier, film, method: str) -> None:
    heatmap = explain(classifier, film, method=method)
    assert heatmap.pixels.shape == film.shape
    assert heatmap.pixels.dtype == np.float32
    assert heatmap.pixels.min() >= 0
    assert heatmap.pixels.max() <= 1
    assert heatmap.flat == (heatmap.grid.max() == 0)


@pytest.mark.parametrize(
    ("method", "library"),
    [
        ("gradcam", "GradCAM"),
        ("gradcam++", "GradCAMPlusPlus"),
        ("hirescam", "HiResCAM"),
        ("xgradcam", "XGradCAM"),
        ("layercam", "LayerCAM"),
        ("eigengradcam", "EigenGradCAM"),
    ],
)
def test_maps_from_features_match_the_usual_call_on_the_whole_network(
    classifier: Classifier, film, method: str, library: str
) -> None:
    """The usual call hooks the network's last layer and runs it whole; ours runs the head alone."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    other = load_classifier("plain")  # a network of its own: the usual call leaves gradients on it
    view = classifier.view(film)
    inputs = torch.from_numpy(view.prepared.input)[None]
    layer = other.model.bn2  # the last layer of MobileNetV2's features
    ours = explain(classifier, film, method=method, view=view)
    target = 0 if ours.flat else 1  # on a whole bone nothing may speak for a fracture
    ours = explain(classifier, film, method=method, view=view, target=target)
    with getattr(pytorch_grad_cam, library)(model=other.model, target_layers=[layer]) as cam:
        usual = cam(input_tensor=inputs.requires_grad_(), targets=[ClassifierOutputTarget(target)])[0]
    import cv2

    enlarged = cv2.resize(ours.grid, usual.shape[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.corrcoef(enlarged.ravel(), usual.ravel())[0, 1] > 0.999


@pytest.fixture(scope="module")
def pointing(classifier: Classifier) -> Classifier:
    """A model that points, untrained: the plain one's card over other weights."""
    torch.manual_seed(0)
    return Classifier(classifier.card, build_model("mobilenetv2_evidence"), classifier.gate)


def test_a_model_that_points_shows_its_own_map_first(pointing: Classifier, film) -> None:
    view = pointing.view(film)
    heatmap = explain(pointing, film, view=view)
    assert heatmap.method == EVIDENCE
    chances = torch.sigmoid(pointing.model.evidence(view.features))[0, 0].numpy()
    np.testing.assert_allclose(heatmap.grid, chances, rtol=1e-5)
    assert not heatmap.flat  # a low chance everywhere says something: nothing is broken
    whole = explain(pointing, film, view=view, target=0)
    np.testing.assert_allclose(whole.grid, 1 - chances, atol=1e-6)
    assert explain(pointing, film, method="gradcam", view=view).method == "gradcam"


def test_evidence_is_drawn_by_its_square_root_and_other_maps_as_they_are(pointing: Classifier, film) -> None:
    chances, usual = explain(pointing, film), explain(pointing, film, method="gradcam")
    np.testing.assert_allclose(chances.drawn((40, 30)) ** 2, chances.resized((40, 30)), atol=1e-6)
    np.testing.assert_array_equal(usual.drawn((40, 30)), usual.resized((40, 30)))


def test_a_model_that_does_not_point_has_no_evidence(classifier: Classifier, film) -> None:
    assert explain(classifier, film).method == "gradcam"
    with pytest.raises(UnknownName, match="evidence"):
        explain(classifier, film, method=EVIDENCE)
    assert set(methods_for(points=True)) == set(METHODS) == {EVIDENCE, *methods_for(points=False)}


def test_nothing_is_left_on_the_shared_network(classifier: Classifier, film) -> None:
    for method in ("gradcam", "eigencam", "scorecam"):
        explain(classifier, film, method=method)
    for module in classifier.model.modules():
        assert not module._forward_hooks
        assert not module._backward_hooks
    assert all(parameter.grad is None for parameter in classifier.model.parameters())


def test_a_map_lies_where_the_geometry_says(classifier: Classifier, film) -> None:
    """A single hot cell of the grid must come out over the film's part that this cell sees."""
    view = classifier.view(film)
    side = view.prepared.input.shape[-1]
    cells = view.features.shape[-1]
    grid = np.zeros((cells, cells), np.float32)
    grid[cells // 2, cells // 2] = 1
    heatmap = Heatmap(grid, view.prepared.to_input, side, film.shape, "gradcam", 1, False, 0.0)
    row, column = np.unravel_index(np.argmax(heatmap.pixels), film.shape)
    x, y = view.prepared.to_input @ [column + 0.5, row + 0.5, 1]
    assert abs(x / side * cells - (cells // 2 + 0.5)) < 0.6
    assert abs(y / side * cells - (cells // 2 + 0.5)) < 0.6


def test_a_map_drawn_smaller_is_the_same_map(classifier: Classifier, film) -> None:
    import cv2

    heatmap = explain(classifier, film)
    small = heatmap.resized((150, 110))
    shrunk = cv2.resize(heatmap.pixels, (110, 150), interpolation=cv2.INTER_AREA)
    assert np.abs(small - shrunk).max() < 0.02


def test_a_map_that_says_nothing_is_flat(classifier: Classifier, film) -> None:
    mute = load_classifier("plain")
    torch.nn.init.zeros_(mute.model.classifier.weight)
    heatmap = explain(mute, film)
    assert heatmap.flat
    assert not heatmap.pixels.any()


def test_both_classes_can_be_explained(classifier: Classifier, film) -> None:
    fractured = explain(classifier, film, method="hirescam", target=1)
    whole = explain(classifier, film, method="hirescam", target=0)
    assert not np.allclose(fractured.grid, whole.grid)


def test_an_unknown_method_is_named_with_those_there_are(classifier: Classifier, film) -> None:
    with pytest.raises(UnknownName, match="gradcam"):
        explain(classifier, film, method="crystal ball")


def test_the_mean_activation_is_that_of_the_features(classifier: Classifier, film) -> None:
    view = classifier.view(film)
    ours = explain(classifier, film, method="activation", view=view)
    active = np.maximum(view.features[0].numpy(), 0).mean(axis=0)
    np.testing.assert_allclose(ours.grid, active / active.max(), atol=1e-6)
    assert (explain(classifier, film, method="activation", view=view, target=0).grid == ours.grid).all()


@pytest.mark.parametrize("share", [0.1, 0.8])
def test_the_first_component_is_positive_where_the_maps_are(rng, share: float) -> None:
    """A known pattern, in channels that speak for the answer and, less, in some that speak against it."""
    pattern = (np.arange(400).reshape(20, 20) < share * 400).astype(np.float32)
    for _ in range(8):
        strength = np.r_[rng.uniform(1, 2, 20), -rng.uniform(0.1, 0.5, 10)]
        maps = strength[:, None, None] * pattern + 0.01 * rng.standard_normal((30, 20, 20))
        shuffled = maps[rng.permutation(30)].astype(np.float32)
        found = first_component(shuffled)
        assert found[pattern == 1].min() > 0 > found[pattern == 0].max()
        from sklearn.decomposition import PCA

        usual = PCA(n_components=1, svd_solver="full").fit_transform(shuffled.reshape(30, -1).T)[:, 0]
        np.testing.assert_allclose(np.abs(found.ravel()), np.abs(usual), atol=1e-4)


def test_maps_that_speak_for_nothing_have_no_component() -> None:
    against = -np.abs(np.random.default_rng(0).standard_normal((5, 6, 6))).astype(np.float32)
    assert not first_component(against).any()
    assert not first_component(np.ones((5, 6, 6), np.float32)).any()


@pytest.mark.parametrize("first", [0, 3])  # at 0 the library's decomposition comes out negative
@pytest.mark.parametrize("method", ["eigencam", "eigengradcam"])
def test_eigen_maps_are_bright_where_the_features_speak(
    classifier: Classifier, film, method: str, first: int
) -> None:
    """One blob in the features, which every weight of the answer counts for it."""
    from dataclasses import replace

    view = classifier.view(film)
    channels, side = view.features.shape[1:3]
    blob = np.zeros((side, side), bool)
    blob[first : first + 4, first : first + 4] = True
    for seed in range(4):
        rng = torch.Generator().manual_seed(seed)
        features = 0.01 * torch.rand(view.features.shape, generator=rng)
        features[0, :, torch.from_numpy(blob)] += torch.rand((channels, 1), generator=rng)
        speaking = load_classifier("plain")
        torch.nn.init.constant_(speaking.model.classifier.weight[1], 0.1)
        grid = explain(speaking, film, method=method, view=replace(view, features=features)).grid
        assert grid[blob].mean() > 0.9
        assert grid[~blob].mean() < 0.1
