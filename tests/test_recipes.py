"""Recipes are data: complete, in agreement with the published table, and honest about what differs."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import fields, replace
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import train
from fracture_core.errors import UnknownName
from fracture_core.models import MODELS
from fracture_core.preprocessing import PIPELINES, REJECTED, build_pipeline
from fracture_core.recipes import MODULES, RECIPES, Augmentation, get_recipe
from fracture_core.recipes.contract import command, contract
from fracture_core.recipes.draws import Drawn, apply, draw
from fracture_core.recipes.gupta2024 import TRIALS
from fracture_core.recipes.settings import IN_PART, OURS, STATED, count_in_words, origin, settings
from fracture_core.results import load_published
from fracture_core.runs.options import chosen_recipes
from fracture_core.training import SCHEDULES
from fracture_core.training.augmentation import Changes, apply_changes
from fracture_core.training.losses import LOSSES


@pytest.mark.parametrize("key", RECIPES)
def test_recipes_are_plain_data(key):
    recipe = RECIPES[key]
    assert get_recipe(key) is recipe
    assert recipe.key == key
    assert sum(recipe.shares.values()) == pytest.approx(1)
    assert json.loads(json.dumps(recipe.as_run()))["augmentation"].keys() == vars(Augmentation()).keys()


@pytest.mark.parametrize("key", RECIPES)
def test_recipes_name_what_exists(key):
    for model in RECIPES[key].models or (RECIPES[key].model,):
        recipe = RECIPES[key].with_model(model)
        assert model in MODELS
        assert recipe.pipeline in PIPELINES
        assert recipe.schedule in SCHEDULES
        assert recipe.loss in LOSSES
        pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
        assert pipeline.size == recipe.size
        small = recipe.smoke()
        assert small.epochs == 1
        assert small.size <= 64 or MODELS[model].fixed_size


def test_every_model_a_paper_reports_has_its_recipe():
    for key, paper in load_published().items():
        reported = {row.model_key for row in paper.rows if row.model_key is not None}
        assert reported == set(RECIPES[key].paper_models)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_the_docstring_is_a_contract(module):
    told = module.__doc__
    assert "python train.py" in told
    assert "eported" in told
    if module.RECIPES[0].paper:
        assert "Stated:" in told
        assert "Deviations:" in told
        assert "Expected time" in told


def test_another_model_brings_its_changes():
    recipe = get_recipe("gupta2024")
    small = recipe.with_model("efficientnet_b0")
    assert (small.model, small.size, small.epochs) == ("efficientnet_b0", 224, 10)
    assert (recipe.model, recipe.size) == ("efficientnet_b6", 528)
    with pytest.raises(UnknownName, match=r"Unknown model of the recipe gupta2024 'vgg16'\. Choose from"):
        recipe.with_model("vgg16")


def test_the_trials_switch_one_transform_each():
    assert set(TRIALS) == set(REJECTED)
    plain = RECIPES["gupta2024"]
    for name in TRIALS:
        trial = RECIPES[f"gupta2024-{name}"]
        same = replace(
            trial,
            key=plain.key,
            title=plain.title,
            pipeline_options=plain.pipeline_options,
            augmentation=plain.augmentation,
            sources=plain.sources,
        )
        assert same == plain
        assert trial != replace(plain, key=trial.key, title=trial.title)


def test_identity_is_of_what_trains():
    recipe = RECIPES["lisbon2023"]
    assert replace(recipe, title="other", citation="other").identity() == recipe.identity()
    assert replace(recipe, lr=0.02).identity() != recipe.identity()
    assert replace(recipe, augmentation=Augmentation(rotation=1)).identity() != recipe.identity()
    assert len({recipe.identity() for recipe in RECIPES.values()}) == len(RECIPES)


def test_deviations_are_told():
    told = RECIPES["lisbon2023"].deviations(data="fracatlas", split="grouped", pretrained=False, missing=614)
    assert any("614 films" in reason for reason in told)
    assert any("validation" in reason for reason in told)
    published = RECIPES["multiregion2024"].deviations(data="multiregion", split="published", pretrained=False)
    assert published == []  # the custom CNN starts from scratch in the paper too
    resnet = RECIPES["multiregion2024"].with_model("resnet50")
    assert "pretrained weights" in resnet.deviations(data="multiregion", split="published", pretrained=False)[0]
    unnamed = RECIPES["abirami2024"].deviations(data="fracatlas", split="grouped", pretrained=False)
    assert any("films it does not name" in reason for reason in unnamed)
    assert resnet.deviations(data="multiregion", split="published", pretrained=True) == []
    clean = resnet.deviations(data="multiregion", split="clean", pretrained=True)
    assert clean == ["the paper's figures are of its published split; this run's is clean"]
    assert RECIPES["ours"].deviations(data="fracatlas", split="grouped", pretrained=True)
    stand_in = RECIPES["gupta2024"].with_model("efficientnet_b0")
    assert "the paper does not use this model" in stand_in.deviations(
        data="fracatlas", split="grouped", pretrained=True
    )


# Sources ----------------------------------------------------------------------------------------------

PLACES = {  # headings as they stand in the papers
    "abirami2024": (),  # it states nothing of its training
    "gupta2024": (
        "Training & Results",
        "CLAHE Transform",
        "Anisotropic Diffusion Transform",
        "Canny Edge Detection",
        "Image Segmentation Transform",
        "Random Central Cropping",
    ),
    "lisbon2023": (
        "Introduction and Project Overview",
        "Preprocessing Steps",
        "Optimizer and Loss Function",
        "Results",
    ),
    "multiregion2024": (
        "Dataset Description",
        "Data Preprocessing and Augmentation",
        "Models",
        "Training and Evaluation",
    ),
    "wang2024": ("The proposed system", "Pre-processing", "Comparative analysis"),
}
IDENTITIES = {"lisbon2023": "31639cff62b6", "gupta2024/b0": "8acfe3f0b34c", "multiregion2024/vgg16": "7dc6e9f5f823"}
VARIANTS = [
    (key, model) for key, recipe in RECIPES.items() for model in dict.fromkeys((recipe.model, *recipe.models))
]


@pytest.mark.parametrize(("key", "model"), VARIANTS)
def test_every_setting_of_a_paper_has_a_source(key, model):
    recipe = RECIPES[key].with_model(model)
    for setting in settings(recipe):
        if not recipe.paper:
            assert setting.source == OURS
        elif not setting.source.startswith("not stated; "):
            paper, _, place = setting.source.partition(", ")
            assert paper == recipe.paper, setting
            assert re.split("[;:]", place)[0] in PLACES[paper], setting


@pytest.mark.parametrize("key", RECIPES)
def test_sources_are_of_fields(key):
    names = {field.name for field in fields(RECIPES[key])}
    assert RECIPES[key].sources.keys() <= names
    for changes in RECIPES[key].overrides.values():
        assert changes.get("sources", {}).keys() <= names
        assert changes.keys() - {"sources"} <= names


def test_a_changed_setting_brings_its_source():
    small = get_recipe("gupta2024").with_model("efficientnet_b0")
    assert small.sources["size"] == "not stated; EfficientNet-B0's own (Tan and Le)"
    assert get_recipe("gupta2024").sources["size"] == "not stated; EfficientNet-B6's own (Tan and Le)"
    for recipe in RECIPES.values():
        for model, changes in recipe.overrides.items():
            told = changes.get("sources", {})
            assert changes.keys() - {"sources"} <= told.keys(), f"{recipe.key} {model}"


def test_sources_are_words_about_a_run():
    recipe = RECIPES["lisbon2023"]
    assert replace(recipe, sources={}).identity() == recipe.identity()
    assert replace(recipe, sources={}).as_run() == recipe.as_run()
    assert "sources" not in recipe.as_run()


def test_identities_stay_what_checkpoints_were_written_with():
    """A change here strands every checkpoint of a training under way."""
    assert RECIPES["lisbon2023"].identity().startswith(IDENTITIES["lisbon2023"])
    assert RECIPES["gupta2024"].with_model("efficientnet_b0").identity().startswith(IDENTITIES["gupta2024/b0"])
    assert RECIPES["multiregion2024"].with_model("vgg16").identity().startswith(IDENTITIES["multiregion2024/vgg16"])


@pytest.mark.parametrize("key", RECIPES)
def test_what_a_recipe_goes_on_from_fits(key):
    recipe = RECIPES[key]
    if recipe.continues and not recipe.committee:
        before = RECIPES[recipe.continues]
        assert (before.model, before.size, before.pipeline) == (recipe.model, recipe.size, recipe.pipeline)
        assert before.frozen == recipe.frozen
    assert ("continues" in recipe.as_run()) == bool(recipe.continues)  # records from before have no such field


def test_settings_are_said_in_words():
    said = {setting.field: setting for setting in settings(RECIPES["wang2024"])}
    assert said["lr"].value == "0.001"
    assert said["copies"].value == "4, each changed anew"
    assert said["schedule_options"].value == "by a factor of 0.1, after more than 5 epochs without improvement"
    assert said["shares"].value == "60 % training, 20 % validation, 20 % test"
    assert said["augmentation"].origin == IN_PART
    assert said["batch"].origin == STATED
    assert "momentum" not in said  # Adam takes none
    assert {"momentum", "focal_gamma"} <= {setting.field for setting in settings(RECIPES["lisbon2023"])}
    counts = count_in_words(settings(RECIPES["abirami2024"]))
    assert counts == "0 stated, 12 ours"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("wang2024, Pre-processing", STATED),
        ("wang2024, Pre-processing; strengths not stated, ours", IN_PART),
        ("not stated; ours", OURS),
        ("gupta2024, Training & Results", OURS),  # another paper's place is none of this one's
    ],
)
def test_origins_follow_from_the_words(source, expected):
    assert origin(source, "wang2024") == expected


# Contracts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_contracts_are_read_whole(module):
    told = contract(module)
    assert told.title
    assert told.deviations
    assert told.expected_time
    words = " ".join(module.__doc__.replace("``", "`").split())
    for part in (told.citation, told.stated, told.reported, told.expected_time, *told.deviations):
        assert part in words
    commands = [*told.commands, *(command(r.with_model(m), told) for r in module.RECIPES for m in r.models)]
    trained = [part for line in commands for part in line.split(" && ") if part.startswith("python train.py")]
    assert trained
    for line in trained:
        options = train.arguments().parse_args(shlex.split(line.replace("\\\n", " "))[2:])
        assert options.recipe in {recipe.key for recipe in module.RECIPES}
        assert chosen_recipes(options)[-1].key == options.recipe


def test_a_docstring_out_of_form_is_refused():
    module = ModuleType("broken", "Title.\n\nSomebody, 2024.\n\nStated: nothing.\n")
    with pytest.raises(ValueError, match="lacks Command, Deviations, Expected time, Reported"):
        contract(module)


# Random changes, drawn for people ---------------------------------------------------------------------


@pytest.mark.parametrize("key", ["ours", "multiregion2024", "wang2024", "gupta2024-random_crop"])
def test_draws_change_films_as_training_does(key):
    square = np.random.default_rng(0).random((48, 48), dtype=np.float32)
    square = cv2.GaussianBlur(square, (0, 0), 4)
    square = (square - square.min()) / np.ptp(square)
    for seed in range(5):
        drawn = replace(draw(RECIPES[key].augmentation, rng=np.random.default_rng(seed)), noise=0.0)
        one = {name: torch.tensor([getattr(drawn, name)]) for name in ("gamma", "gain", "contrast", "brightness")}
        theta = torch.tensor(drawn.theta(), dtype=torch.float32)[None]
        films, empty = torch.from_numpy(square)[None, None], torch.zeros(1, 1, 4, 4)
        expected, _ = apply_changes(films, empty, Changes(theta=theta, noise=None, seed=0, **one))
        assert np.abs(apply(drawn, square) - expected[0, 0].numpy()).max() < 0.03  # cv2 rounds places to 1/32 pixel


@given(seed=st.integers(0, 2**32 - 1), key=st.sampled_from(list(RECIPES)))
@hypothesis_settings(max_examples=60, deadline=None)
def test_draws_stay_within_the_reach_of_the_recipe(seed, key):
    reach = RECIPES[key].augmentation
    drawn = draw(reach, rng=np.random.default_rng(seed))
    assert abs(drawn.angle) <= reach.rotation
    assert max(abs(part) for part in drawn.shift) <= reach.shift
    assert 1 / (1 + reach.scale) - 1e-9 <= drawn.scale <= (1 + reach.scale) / (1 - reach.central_crop) + 1e-9
    assert abs(drawn.contrast - 1) <= reach.contrast
    assert 0 <= drawn.noise <= reach.noise
    assert not drawn.mirrored or reach.horizontal_flip
    assert not drawn.upended or reach.vertical_flip
    square = np.full((16, 16), 0.5, np.float32)
    changed = apply(drawn, square)
    assert changed.dtype == np.float32
    assert changed.shape == square.shape
    assert 0 <= changed.min() <= changed.max() <= 1


def test_a_draw_that_changes_nothing_returns_the_film():
    square = np.random.default_rng(1).random((20, 20), dtype=np.float32)
    drawn = draw(Augmentation(), rng=np.random.default_rng(1))
    assert np.abs(apply(drawn, square) - square).max() < 1e-6
    assert str(drawn) == "left as it is"
    assert str(Drawn(angle=12.3, mirrored=True)) == "turned 12°, mirrored"
    with pytest.raises(ValueError, match="float32 square"):
        apply(drawn, square[:10])
