"""Every model of the table, alone and against an independent count, implementation or hand calculation."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fracture_core.errors import FractureError, UnknownName, WeightsError
from fracture_core.models import CLASSES, HEAD_STD, MODELS, build_model, count_parameters, load_pretrained
from fracture_core.models.custom_cnn import CustomCNN
from fracture_core.models.se_resnet import SEBottleneck, SEResNet50, SqueezeExcitation
from fracture_core.models.unet_classifier import UNetClassifier

BATCH = 4


@pytest.fixture(autouse=True)
def _one_thread_one_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=MODELS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    """One fresh model at a time: pytest runs all tests of one before it builds the next."""
    torch.manual_seed(0)
    return build_model(name)


@pytest.fixture(scope="module")
def images(name):
    side = 224 if MODELS[name].fixed_size else 64
    return torch.randn(BATCH, 3, side, side, generator=torch.Generator().manual_seed(1))


# Every model ------------------------------------------------------------------------------------------


def test_logits_are_two_and_calm(model, images):
    for training in (True, False):
        with torch.no_grad():
            logits = model.train(training)(images)
        assert logits.shape == (BATCH, len(CLASSES))
        assert torch.isfinite(logits).all()
        assert 0 < logits.std() < 1.5


def test_forward_is_head_of_features(model, images):
    model.eval()
    with torch.no_grad():
        features = model.forward_features(images)
        torch.testing.assert_close(model.forward_head(features), model(images))
    assert features.ndim == 4
    assert features.shape[0] == BATCH
    assert min(features.shape[2:]) >= 2


def test_every_logit_has_a_gradient_on_the_feature_map(model, images):
    """What gradient-based activation maps live on."""
    model.eval()
    with torch.no_grad():
        features = model.forward_features(images)
    features.requires_grad_()
    for logit in range(len(CLASSES)):
        scores = model.forward_head(features)[:, logit]
        (gradient,) = torch.autograd.grad(scores.sum(), features)
        assert torch.isfinite(gradient).all()
        weights = gradient.mean(dim=(2, 3))  # Grad-CAM's channel weights
        assert (weights != 0).any(dim=1).all()


def test_parameters_against_the_literature(name, model):
    """The published figures are for 1000 classes: a head of 998 more rows, each with a bias."""
    spec = MODELS[name]
    assert count_parameters(model) == spec.parameters
    if spec.published_parameters is not None:
        head = model.get_classifier()
        assert spec.parameters == spec.published_parameters - 998 * (head.in_features + 1)


def test_gradient_reaches_every_parameter(model, images):
    """At weights in general position: at first, a residual block may be its skip alone."""
    model.train()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
    nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 1, 0])).backward()
    starved = [
        parameter
        for parameter, tensor in model.named_parameters()
        if tensor.grad is None or not torch.isfinite(tensor.grad).all() or not tensor.grad.any()
    ]
    model.zero_grad()
    assert starved == []


# The table and the builder ----------------------------------------------------------------------------


def test_the_table_is_read_without_torch():
    code = (
        "import sys, fracture_core.models as m; assert m.MODELS['vgg16'].title == 'VGG-16'; "
        "print([heavy for heavy in ('torch', 'timm', 'cv2') if heavy in sys.modules])"
    )
    root = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_each_paper_finds_its_models():
    used = {paper: {name for name, spec in MODELS.items() if paper in spec.papers} for paper in PAPERS}
    assert used == PAPERS


PAPERS = {
    "abirami2024": {"resnet50", "unet_classifier", "densenet121", "seresnet50_abirami"},
    "lisbon2023": {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"},
    "multiregion2024": {"custom_cnn", "resnet50", "vgg16"},
    "gupta2024": {"efficientnet_b6"},
    "wang2024": {"seresnet50", "resnet50", "efficientnet_b5"},
}


def test_unknown_name_lists_the_known():
    with pytest.raises(UnknownName, match=r"Unknown model 'resnet51'.*resnet50"):
        build_model("resnet51")


def test_state_is_restored_also_from_half_precision():
    first = build_model("resnet18").eval()
    second = build_model("resnet18", state={k: v.half() for k, v in first.state_dict().items()}).eval()
    images = torch.randn(2, 3, 64, 64)
    assert next(second.parameters()).dtype == torch.float32
    torch.testing.assert_close(second(images), first(images), atol=5e-3, rtol=0)


def test_state_of_another_model_is_refused():
    with pytest.raises(WeightsError, match=r"do not fit the model 'resnet18' \(absent: conv1\.weight, .*unknown"):
        build_model("resnet18", state=build_model("mobilenetv2_100").state_dict())
    state = build_model("resnet18").state_dict()
    state["fc.weight"] = torch.zeros(1, 512)
    with pytest.raises(WeightsError, match=r"of another shape: fc\.weight \(1, 512\) instead of \(2, 512\)\)"):
        build_model("resnet18", state=state)


@pytest.mark.parametrize("name", ["mobilenetv2_100", "unet_classifier", "seresnet50_abirami"])
def test_drop_rate_reaches_the_head(name):
    features = torch.rand(1, build_model(name).get_classifier().in_features, 2, 2)
    dropping, still = (build_model(name, drop_rate=rate).train() for rate in (0.5, 0.0))
    assert not torch.equal(dropping.forward_head(features), dropping.forward_head(features))
    assert torch.equal(still.forward_head(features), still.forward_head(features))


# Squeeze and excitation -------------------------------------------------------------------------------


def test_squeeze_and_excitation_by_hand():
    """Two channels of means 2 and -1; hidden relu(2 * 2 - 1 * (-1)) = 5; gates sigmoid(1), sigmoid(-2)."""
    block = SqueezeExcitation(2, reduction=2)
    with torch.no_grad():
        block.fc1.weight.copy_(torch.tensor([[2.0, -1.0]]))
        block.fc2.weight.copy_(torch.tensor([[0.2], [-0.4]]))
    x = torch.tensor([[[[1.0, 3.0]], [[-2.0, 0.0]]]])
    expected = torch.tensor([[[[0.7310586, 2.1931758]], [[-0.2384058, 0.0]]]])
    torch.testing.assert_close(block(x), expected)
    # The other sign of the second channel: hidden relu(4 - 5) = 0, so both gates are one half.
    x = torch.tensor([[[[1.0, 3.0]], [[5.0, 5.0]]]])
    torch.testing.assert_close(block(x), x / 2)


def test_excitation_acts_before_the_skip_addition():
    block = SEBottleneck(16, 4).eval()
    nn.init.zeros_(block.se.fc2.weight)  # every gate one half
    x = torch.randn(1, 16, 5, 5)
    residual = torch.relu(block.bn1(block.conv1(x)))
    residual = torch.relu(block.bn2(block.conv2(residual)))
    residual = block.bn3(block.conv3(residual))
    torch.testing.assert_close(block(x), torch.relu(x + residual / 2))


def test_se_resnet_equals_timms_on_equal_weights():
    """timm's has biases in its excitation, the paper's equations have none: they are set to zero."""
    theirs = timm.create_model("seresnet50", pretrained=False, num_classes=2).eval()
    with torch.no_grad():
        for name, module in theirs.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.0)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2.0)
            elif name.endswith((".se.fc1", ".se.fc2")):
                module.bias.zero_()
    state = {
        name: tensor.flatten(1) if ".se." in name else tensor
        for name, tensor in theirs.state_dict().items()
        if not (".se." in name and name.endswith("bias"))
    }
    ours = build_model("seresnet50_abirami", state=state).eval()
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(
            ours.forward_features(images), theirs.forward_features(images), rtol=1e-5, atol=1e-5
        )
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


def test_se_resnet_adds_what_hu_counts():
    """Hu et al., equation 5: 2/r * sum of N_s * C_s^2 over the stages, on top of ResNet-50."""
    added = 2 * (3 * 256**2 + 4 * 512**2 + 6 * 1024**2 + 3 * 2048**2) // 16
    assert added == 2_514_944
    assert count_parameters(SEResNet50()) == MODELS["resnet50"].parameters + added


# U-Net ------------------------------------------------------------------------------------------------


def test_unet_at_full_width_is_the_known_one():
    """31,037,698: the common PyTorch U-Net of width 64, three channels in, two out, batch normalisation."""
    assert count_parameters(UNetClassifier(width=64)) == 31_037_698


def test_unet_has_ronnebergers_convolutions():
    """Ronneberger et al., section 2: 23 convolutions; ours has a linear layer in the place of the last."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    assert sum(isinstance(module, kinds) for module in UNetClassifier(width=2).modules()) == 23


@pytest.mark.parametrize("size", [(32, 48), (57, 38), (16, 16)])
def test_unet_keeps_the_resolution(size):
    model = UNetClassifier(width=2).eval()
    assert model.forward_features(torch.randn(1, 3, *size)).shape == (1, 2, *size)


def test_unet_skips_carry_detail():
    """With every up-convolution silenced, only the skips reach the feature map."""
    model = UNetClassifier(width=4).eval()
    with torch.no_grad():
        for layer in model.upsample:
            layer.weight.zero_()
        one, other = (model.forward_features(torch.randn(1, 3, 32, 32)) for _ in range(2))
    assert not torch.allclose(one, other)


# The custom CNN ---------------------------------------------------------------------------------------

# multiregion2024, Models, section 1, and its table "Architecture of Custom CNN"
PUBLISHED_LAYERS = {
    "features.conv1": (32, 224, 224),
    "features.pool1": (32, 112, 112),
    "features.conv2": (64, 112, 112),
    "features.pool2": (64, 56, 56),
    "features.conv3": (128, 56, 56),
    "features.pool3": (128, 28, 28),
    "features.conv4": (256, 28, 28),
    "pool4": (256, 14, 14),
    "hidden.fc1": (1024,),
    "hidden.fc2": (512,),
    "hidden.fc3": (128,),
    "output": (2,),
}


def test_custom_cnn_layer_by_layer():
    model = CustomCNN().eval()
    seen: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.Linear):
            module.register_forward_hook(lambda _m, _x, y, name=name: seen.__setitem__(name, tuple(y.shape[1:])))
    with torch.no_grad():
        model(torch.zeros(1, 3, 224, 224))
    assert list(seen.items()) == list(PUBLISHED_LAYERS.items())
    assert model.hidden.fc1.in_features == 50176


def test_custom_cnn_layers_are_as_published():
    """Kernel, stride and padding of the table; normalisation between convolution and ReLU, as in the text."""
    model = CustomCNN()
    for number in range(1, 5):
        convolution = getattr(model.features, f"conv{number}")
        assert (convolution.kernel_size, convolution.stride, convolution.padding) == ((3, 3), (1, 1), (1, 1))
        pool = model.pool4 if number == 4 else getattr(model.features, f"pool{number}")
        assert (pool.kernel_size, pool.stride, pool.padding) == (2, 2, 0)
    kinds = [type(module).__name__ for module in model.features]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 3 + ["Conv2d", "BatchNorm2d", "ReLU"]
    assert [type(module).__name__ for module in model.hidden] == ["Linear", "ReLU", "Dropout"] * 3


@pytest.mark.parametrize("shape", [(3, 225, 224), (3, 384, 384), (1, 224, 224)])
def test_custom_cnn_names_the_size_it_needs(shape):
    with pytest.raises(FractureError, match=r"3 x 224 x 224 only.*size=224"):
        CustomCNN()(torch.zeros(1, *shape))


# VGG-16 -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def timm_vgg():
    return timm.create_model("vgg16", pretrained=False, num_classes=2).eval()


def test_vgg_equals_timms_and_keeps_the_last_convolution(timm_vgg):
    ours = build_model("vgg16", state=timm_vgg.state_dict()).eval()
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        features = ours.forward_features(images)
        assert features.shape == (1, 512, 14, 14)  # the last convolution's: 7 x 7 after the last pooling
        torch.testing.assert_close(ours.forward_head(features), timm_vgg(images))
    dropout = [module.p for module in ours.modules() if isinstance(module, nn.Dropout)]
    assert dropout == [0.5, 0.5]


def test_vgg_takes_pretrained_convolutions_only(timm_vgg):
    theirs = timm_vgg.state_dict()
    model = build_model("vgg16")
    before = model.pre_logits.fc2.weight.clone()
    report = load_pretrained(model, theirs)
    assert report.loaded == report.total == 26
    assert report.unused == ()
    assert torch.equal(model.pre_logits.fc2.weight, before)
    assert torch.equal(model.features[28].weight, theirs["features.28.weight"])


# Pretrained weights -----------------------------------------------------------------------------------


@pytest.fixture
def imagenet(tmp_path):
    """Weights as a user has them: timm's names, a 1000-class head."""
    torch.manual_seed(7)
    model = timm.create_model("resnet18", pretrained=False, num_classes=1000)
    save_file(model.state_dict(), tmp_path / "imagenet.safetensors")
    return tmp_path / "imagenet.safetensors"


def test_pretrained_backbone_is_loaded_and_head_is_quiet(imagenet):
    model = build_model("resnet18")
    report = load_pretrained(model, imagenet)
    offered = load_file(imagenet)
    assert report.loaded == report.total == 20 + 20 * 4  # 20 convolutions, each with its normalisation
    assert report.missing == report.misshapen == report.unused == ()
    for name, tensor in model.state_dict().items():
        if not name.startswith("fc."):
            assert torch.equal(tensor, offered[name]), name
    assert model.fc.weight.std().item() == pytest.approx(HEAD_STD, rel=1e-3)
    assert not model.fc.bias.any()


def test_pretrained_head_of_equal_shape_is_not_loaded():
    """Two classes of somebody else's are not ours."""
    theirs = build_model("resnet18").state_dict()
    model = build_model("resnet18")
    load_pretrained(model, theirs)
    assert not torch.allclose(model.fc.weight, theirs["fc.weight"] * HEAD_STD / theirs["fc.weight"].std())


def test_files_without_batch_counters_are_whole(imagenet):
    state = {name: tensor for name, tensor in load_file(imagenet).items() if "num_batches" not in name}
    report = load_pretrained(build_model("resnet18"), state)
    assert (report.loaded, report.missing) == (report.total, ())


def test_one_by_one_convolutions_fit_the_linear_layers_of_the_paper():
    theirs = timm.create_model("seresnet50", pretrained=False)
    model = build_model("seresnet50_abirami")
    report = load_pretrained(model, theirs.state_dict())
    assert report.loaded == report.total
    assert len(report.unused) == 16 * 2  # the excitation biases, which the equations lack
    torch.testing.assert_close(model.layer4[2].se.fc2.weight, theirs.layer4[2].se.fc2.weight[:, :, 0, 0])


@pytest.mark.parametrize("other", ["resnet34", "mobilenetv2_100"])
def test_weights_of_another_architecture_are_refused(other):
    """ResNet-34 holds every tensor of ResNet-18, name and shape, and is another network all the same."""
    model = build_model("resnet18")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError, match=r"does not fit this model: \d+ of its 100 backbone tensors"):
        load_pretrained(model, build_model(other).state_dict())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_refusal_names_the_first_mismatches(imagenet, tmp_path):
    state = load_file(imagenet)
    state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    for name in [name for name in state if name.startswith("layer4.1.")]:
        del state[name]
    save_file(state, tmp_path / "part.safetensors")
    with pytest.raises(WeightsError) as refusal:
        load_pretrained(build_model("resnet18"), tmp_path / "part.safetensors")
    assert str(refusal.value) == (
        "'part.safetensors' does not fit this model: 89 of its 100 backbone tensors match in name and shape, "
        "out of 90 (absent: layer4.1.conv1.weight, layer4.1.bn1.weight, layer4.1.bn1.bias and 7 more; "
        "of another shape: conv1.weight (64, 1, 7, 7) instead of (64, 3, 7, 7)). "
        "Choose weights made for this architecture, under timm's names."
    )


class _Trap:
    def __reduce__(self):
        return (os.mkdir, (os.environ["FRACTURE_TRAP"],))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".pkl", ".safetensors"])
def test_pickles_are_never_opened(tmp_path, monkeypatch, suffix):
    trap = tmp_path / "sprung"
    monkeypatch.setenv("FRACTURE_TRAP", str(trap))
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(pickle.dumps(_Trap()))
    remedy = "Fetch it again" if suffix == ".safetensors" else "Convert it first"
    with pytest.raises(WeightsError, match=remedy):
        load_pretrained(CustomCNN(), path)
    assert not trap.exists()


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"no weight file 'absent\.safetensors'"):
        load_pretrained(CustomCNN(), tmp_path / "absent.safetensors")


def test_real_imagenet_weights():
    if "FRACTURE_DATA" not in os.environ:
        pytest.skip("needs the real pretrained weights: set FRACTURE_DATA")
    path = Path(os.environ["FRACTURE_DATA"]) / "pretrained" / "mobilenetv2_100_imagenet.safetensors"
    model = build_model("mobilenetv2_100").eval()
    report = load_pretrained(model, path)
    assert report.loaded == report.total == 260  # 52 convolutions, each with its normalisation
    assert report.unused == ()

    state = load_file(path)
    classes = len(state["classifier.bias"])
    theirs = timm.create_model("mobilenetv2_100", pretrained=False, num_classes=classes, pad_type="same").eval()
    theirs.load_state_dict(state)
    images = torch.rand(2, 3, 97, 97) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(model.forward_features(images), theirs.forward_features(images))
        assert model(images).abs().max() < 1
