"""Recipes are data: complete, in agreement with the published table, and honest about what differs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fracture_core.errors import UnknownName
from fracture_core.models import MODELS
from fracture_core.preprocessing import PIPELINES, REJECTED, build_pipeline
from fracture_core.recipes import MODULES, RECIPES, Augmentation, get_recipe
from fracture_core.recipes.gupta2024 import TRIALS
from fracture_core.results import load_published
from fracture_core.training import SCHEDULES
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
    assert "ImageNet" in resnet.deviations(data="multiregion", split="published", pretrained=False)[0]
    assert resnet.deviations(data="multiregion", split="published", pretrained=True) == []
    clean = resnet.deviations(data="multiregion", split="clean", pretrained=True)
    assert clean == ["the paper's figures are of its published split; this run's is clean"]
    assert RECIPES["ours"].deviations(data="fracatlas", split="grouped", pretrained=True)
    stand_in = RECIPES["gupta2024"].with_model("efficientnet_b0")
    assert "the paper does not use this model" in stand_in.deviations(
        data="fracatlas", split="grouped", pretrained=True
    )
