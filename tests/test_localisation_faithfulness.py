from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from fracture_core.imaging import read_image
from fracture_core.inference import Classifier, load_classifier
from fracture_core.localisation import (
    cascade,
    deletion,
    impute,
    insertion,
    probability_of,
    rank_correlation,
    road,
    sanity_check,
    ssim,
    strip,
)
from fracture_core.localisation.faithfulness import rank_image
from fracture_core.localisation.sanity import parts
from fracture_core.models import build_model
from fracture_core.phantom import radiograph, to_png

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE, CELLS = 32, 8
ROW, COLUMN = 2, 5  # the one cell that the network reads


class ReadsOnePatch(nn.Module):
    """Two logits, the second of which grows with how speckled one patch is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = SIDE // CELLS
        patch = x[:, :, ROW * size : (ROW + 1) * size, COLUMN * size : (COLUMN + 1) * size]
        fractured = 12 * patch.flatten(1).std(dim=1) - 3
        return torch.stack([torch.zeros_like(fractured), fractured], dim=1)


@pytest.fixture
def inputs(rng) -> np.ndarray:
    return np.repeat(rng.random((1, SIDE, SIDE)), 3, axis=0).astype(np.float32)


@pytest.fixture
def truth() -> np.ndarray:
    grid = np.zeros((CELLS, CELLS), np.float32)
    grid[ROW, COLUMN] = 1
    return grid


def random_grids(count: int = 8) -> list[np.ndarray]:
    return [np.random.default_rng(seed).random((CELLS, CELLS)) for seed in range(count)]


def test_deleting_what_the_network_reads_beats_deleting_at_random(inputs, truth):
    score = probability_of(ReadsOnePatch())
    named = deletion(score, inputs, truth, steps=CELLS**2)
    assert named.score[0] > 0.6  # the film as it is
    assert (named.score[1:] < 0.3).all()  # its one cell is gone at the first step
    assert named.share[0] == 0
    assert named.share[-1] == 1
    assert named.auc < np.mean([deletion(score, inputs, grid, steps=CELLS**2).auc for grid in random_grids()]) - 0.1


def test_inserting_what_the_network_reads_beats_inserting_at_random(inputs, truth):
    score = probability_of(ReadsOnePatch())
    named = insertion(score, inputs, truth, steps=CELLS**2)
    assert named.score[0] < 0.3
    assert (named.score[1:] > 0.6).all()
    assert named.auc > np.mean([insertion(score, inputs, grid, steps=CELLS**2).auc for grid in random_grids()]) + 0.1


def test_the_ends_of_both_curves_are_the_same_two_pictures(inputs, truth):
    score = probability_of(ReadsOnePatch())
    away, back = deletion(score, inputs, truth), insertion(score, inputs, truth)
    assert away.score[0] == pytest.approx(back.score[-1])
    assert away.score[-1] == pytest.approx(back.score[0])


def test_road_tells_a_faithful_map_from_random_ones(inputs, truth):
    score = probability_of(ReadsOnePatch())
    named = road(score, inputs, truth)
    assert named.share == pytest.approx(np.arange(0.1, 1, 0.1), abs=0.01)
    assert (named.most < named.least).all()
    others = [road(score, inputs, grid).score for grid in random_grids()]
    assert named.score > max(others)
    assert abs(np.mean(others)) < named.score / 3


def test_the_same_seed_gives_the_same_road(inputs, truth):
    score = probability_of(ReadsOnePatch())
    first, second, other = (road(score, inputs, truth, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.most, second.most)
    assert not np.array_equal(first.most, other.most)


def test_batches_do_not_change_a_curve(inputs, truth):
    score = probability_of(ReadsOnePatch())
    sizes: list[int] = []

    def counted(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        return score(batch)

    whole = deletion(score, inputs, truth, batch=100)
    pieces = deletion(counted, inputs, truth, batch=4)
    assert pieces.score == pytest.approx(whole.score)
    assert max(sizes) == 4
    assert sum(sizes) == len(pieces.share)


def test_each_cell_owns_the_pixels_over_it():
    grid = np.array([[0.2, 0.9, 0.5]])
    assert rank_image(grid, 6)[0].tolist() == [2, 2, 0, 0, 1, 1]
    assert (rank_image(grid, 6) == rank_image(grid, 6)[0]).all()


def test_equal_cells_go_in_random_order():
    grid = np.zeros((CELLS, CELLS))
    orders = {tuple(rank_image(grid, CELLS, seed=seed).ravel()) for seed in range(5)}
    assert len(orders) == 5
    assert all(sorted(order) == list(range(CELLS**2)) for order in orders)


# Imputation -------------------------------------------------------------------------------------------


def test_imputed_pixels_are_their_neighbours_weighted_mean(rng):
    picture = rng.random((2, 12, 10))
    removed = np.zeros((12, 10), bool)
    removed[4:8, 3:7] = True
    filled = impute(picture, removed, rng=rng, noise=0.0)
    assert filled[:, ~removed] == pytest.approx(picture[:, ~removed], abs=1e-6)
    kernel = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12
    for row, column in zip(*np.nonzero(removed), strict=True):
        around = filled[:, row - 1 : row + 2, column - 1 : column + 2]
        assert filled[:, row, column] == pytest.approx((around * kernel).sum(axis=(1, 2)), abs=1e-5)


def test_a_slope_is_filled_in_exactly_and_a_corner_as_well(rng):
    slope = np.tile(np.arange(9.0), (9, 1))[None]
    hole = np.zeros((9, 9), bool)
    hole[3:6, 3:6] = True
    assert impute(slope, hole, rng=rng, noise=0.0) == pytest.approx(slope, abs=1e-5)
    even, corner = np.full((1, 9, 9), 0.4), np.zeros((9, 9), bool)
    corner[:4, :4] = True
    assert impute(even, corner, rng=rng, noise=0.0) == pytest.approx(even, abs=1e-6)


def test_imputation_adds_its_noise_to_what_was_removed_alone(rng):
    even, removed = np.full((1, 40, 40), 0.4), np.ones((40, 40), bool)
    removed[::4] = False
    filled = impute(even, removed, rng=rng, noise=0.05)
    assert filled[:, removed].std() == pytest.approx(0.05, rel=0.1)
    assert (filled[:, ~removed] == np.float32(0.4)).all()
    assert np.array_equal(impute(even, np.zeros((40, 40), bool), rng=rng), even.astype(np.float32))
    with pytest.raises(ValueError, match="at least one pixel"):
        impute(even, np.ones((40, 40), bool), rng=rng)


def test_imputation_agrees_with_the_authors_code(rng):
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer

    picture = rng.random((3, 16, 16)).astype(np.float32)
    removed = rank_image(rng.random((4, 4)), 16) < 6
    theirs = NoisyLinearImputer(noise=0.0)(torch.from_numpy(picture), torch.from_numpy(~removed).float())
    assert impute(picture, removed, rng=rng, noise=0.0) == pytest.approx(theirs.numpy(), abs=1e-4)


# Sanity -----------------------------------------------------------------------------------------------


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.blocks = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.head = nn.Linear(8, 2)


@pytest.fixture
def small() -> nn.Module:
    torch.manual_seed(0)
    return Small().eval()


PICTURE = torch.linspace(0, 1, 144).reshape(1, 1, 12, 12) ** 2 + torch.eye(12)


def activation_map(model: nn.Module) -> np.ndarray:
    """A class-activation map by hand: the head's weights over the last features."""
    with torch.no_grad():
        features = model.blocks(model.stem(PICTURE))[0]
        heat = torch.einsum("c,chw->hw", model.head.weight[1], features)
    return ((heat - heat.min()) / (heat.max() - heat.min())).numpy()


def test_parts_go_from_the_head_down(small):
    found = parts(small)
    assert [name for name, _ in found] == ["head", "blocks.2", "blocks.0", "stem.1", "stem.0"]
    few = parts(small, stages=3)
    assert [name for name, _ in few] == ["head", "blocks.0", "stem.0"]
    assert [len(layers) for _, layers in few] == [1, 2, 2]


def test_a_map_that_knows_the_network_changes_when_it_forgets(small):
    stages = cascade(small, activation_map)
    assert [stage.layers for stage in stages] == [1, 2, 3, 4, 5]
    assert np.mean([abs(stage.correlation) for stage in stages]) < 0.7
    assert min(stage.correlation for stage in stages) < 0.5
    assert stages[-1].ssim < 0.9


def test_a_map_of_the_film_alone_does_not_change(small):
    def edges(_: nn.Module) -> np.ndarray:
        return PICTURE[0, 0].numpy() / 2

    for stage in cascade(small, edges):
        assert stage.correlation == pytest.approx(1)
        assert stage.ssim == pytest.approx(1)


def test_the_network_itself_is_left_alone_and_the_seed_decides(small):
    before = copy.deepcopy(small.state_dict())
    first, second, other = (cascade(small, activation_map, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(value, before[name]) for name, value in small.state_dict().items())
    assert np.array_equal(first[-1].grid, second[-1].grid)
    assert not np.array_equal(first[-1].grid, other[-1].grid)


def test_a_map_that_falls_silent_has_no_correlation(small):
    (stage, *_) = cascade(small, lambda _: np.zeros((4, 4), np.float32), trained=np.eye(4, dtype=np.float32))
    assert stage.flat
    assert np.isnan(stage.correlation)


def test_rank_correlation_is_spearmans(rng):
    a, b = rng.random((5, 6)), rng.integers(0, 4, (5, 6)) / 4
    from scipy.stats import spearmanr

    assert rank_correlation(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert rank_correlation(a, a**3) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)


def test_structural_similarity_by_its_definition(rng):
    a = rng.random((64, 64))
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, 1 - a) < -0.5
    # constants: only the luminance term is left
    dark, bright = np.full((32, 32), 0.2), np.full((32, 32), 0.6)
    assert ssim(dark, bright) == pytest.approx((2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier()


def test_a_committee_forgets_its_members_side_by_side():
    committee, member = build_model("mobilenetv2_evidence_pair"), build_model("mobilenetv2_evidence")
    both, alone = parts(committee, stages=6), parts(member, stages=6)
    assert [name for name, _ in both] == [name for name, _ in alone]
    assert [len(layers) for _, layers in both] == [2 * len(layers) for _, layers in alone]


def test_the_shipped_models_maps_depend_on_what_it_learned():
    classifier = load_classifier(folded=False)
    film = read_image(to_png(radiograph(seed=3, fracture="oblique", size=(300, 220))), name="phantom.png")
    before = copy.deepcopy(classifier.model.state_dict())
    check = sanity_check(classifier, film, method="hirescam", target=0, stages=4)
    assert len(check.stages) == 4
    assert check.stages[0].name == "classifier"
    assert check.stages[-1].correlation < 0.6
    assert all(torch.equal(value, before[name]) for name, value in classifier.model.state_dict().items())
    pictures = strip(check, film.pixels, longest=120)
    assert [name for name, _ in pictures] == ["as trained", *(stage.name for stage in check.stages)]
    assert {picture.shape for _, picture in pictures} == {(120, 88, 3)}
    assert len({picture.tobytes() for _, picture in pictures}) == 5
