"""Networks that answer together answer the mean of what each would."""

from __future__ import annotations

import pytest
import torch

from fracture_core.models import MODELS, build_model, count_parameters
from fracture_core.models.folding import fold_batch_norm

NAME = "mobilenetv2_evidence_pair"


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return build_model(NAME).eval()


def test_the_answer_and_the_map_are_the_members_means(pair):
    films = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        features = pair.forward_features(films)
        apart = [member.forward_features(films) for member in pair.members]
        logits = torch.stack([member(films) for member in pair.members]).mean(0)
        places = torch.stack([m.evidence(f) for m, f in zip(pair.members, apart, strict=True)]).mean(0)
        assert torch.equal(features, torch.cat(apart, dim=1))
        assert torch.allclose(pair(films), logits, atol=1e-6)
        assert torch.allclose(pair.evidence(features), places, atol=1e-6)
    assert places.shape == (2, 1, 8, 12)


def test_its_members_differ_and_it_counts_both(pair):
    first, second = pair.members
    assert not torch.equal(first.place.weight, second.place.weight)
    assert MODELS[NAME].points
    assert count_parameters(pair) == MODELS[NAME].parameters == 2 * MODELS["mobilenetv2_evidence"].parameters


def test_the_answer_can_be_explained_from_the_features(pair):
    features = pair.forward_features(torch.randn(1, 3, 64, 64)).detach().requires_grad_(True)
    pair.forward_head(features)[0, 1].backward()
    halves = features.grad.chunk(2, dim=1)
    assert all(half.abs().sum() > 0 for half in halves)


FOUR = "mobilenetv2_evidence_four"


def apart(count, *, alike=True):
    """Weights of networks trained apart; their first layers are equal, or not."""
    states = []
    for number in range(count):
        torch.manual_seed(number)
        states.append(build_model("mobilenetv2_evidence").state_dict())
    beginning = [name for name in states[0] if name.startswith(("conv_stem.", "bn1.", "blocks.0.", "blocks.1."))]
    for state in states[1:] if alike else ():
        state.update({name: states[0][name] for name in beginning})
    return states


def test_a_shared_beginning_is_run_once_and_changes_no_answer():
    states = apart(4)
    four = build_model(FOUR)
    four.take(states)
    four.eval()
    films = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        alone = [build_model("mobilenetv2_evidence", state=state).eval() for state in states]
        logits = torch.stack([member(films) for member in alone])
        assert torch.allclose(four(films), logits.mean(0), atol=1e-5)
        for number in range(4):
            assert torch.allclose(four.alone(number)(films), logits[number], atol=1e-5)
    assert MODELS[FOUR].parameters == count_parameters(four)
    first = sum(part.numel() for name, part in states[0].items() if name.startswith(("conv_stem.", "blocks.0.")))
    assert (
        sum(tensor.numel() for tensor in four.state_dict().values())
        < 4 * sum(tensor.numel() for tensor in states[0].values()) - 3 * first
    )


def test_mirrored_members_look_at_the_mirrored_film_and_their_map_lies_on_the_film_as_it_is():
    states = apart(4)
    mirrored, plain = build_model("mobilenetv2_evidence_mirrored").eval(), build_model(FOUR).eval()
    for committee in (mirrored, plain):
        committee.take(states)
    films = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        at_film = plain.forward_features(films).chunk(4, dim=1)
        at_mirrored = plain.forward_features(films.flip(-1)).chunk(4, dim=1)
        features = mirrored.forward_features(films)
        expected = torch.cat([at_film[0], at_mirrored[1].flip(-1), at_film[2], at_mirrored[3].flip(-1)], dim=1)
        assert torch.equal(features, expected)
        alone = [mirrored.alone(number)(films) for number in range(4)]
        assert torch.allclose(mirrored(films), torch.stack(alone).mean(0), atol=1e-5)
        assert torch.allclose(alone[1], plain.alone(1)(films.flip(-1)), atol=1e-5)
        assert not torch.allclose(alone[1], plain.alone(1)(films), atol=1e-3)


def test_networks_that_begin_differently_cannot_share_it():
    with pytest.raises(AssertionError, match="members begin differently"):
        build_model(FOUR).take(apart(4, alike=False))


def test_a_folded_committee_answers_alike():
    four = build_model(FOUR)
    four.take(apart(4))
    four.eval()
    films = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = four(films)
        assert torch.allclose(fold_batch_norm(four)(films), before, atol=1e-4)
