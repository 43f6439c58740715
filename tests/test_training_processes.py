"""Two processes train what one does; a killed one costs an epoch, not the run."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fracture_core.errors import FractureError
from fracture_core.training import processes

ROOT = Path(__file__).resolve().parent.parent


class Ranked:
    """Stands in for Fabric where only the place among the processes is read."""

    def __init__(self, rank: int, size: int) -> None:
        self.global_rank, self.world_size = rank, size


@pytest.mark.parametrize(("count", "size"), [(32, 2), (33, 2), (7, 4), (3, 4), (0, 2), (5, 1)])
def test_the_parts_of_a_batch_make_the_whole(count, size):
    rows = [list(range(count))[processes.part_of(count, Ranked(rank, size))] for rank in range(size)]
    assert list(itertools.chain(*rows)) == list(range(count))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told():
    with pytest.raises(FractureError, match="torch finds no GPU here"):
        processes.make_fabric(accelerator="gpu")


def shared_batch_norm(rank: int, folder: str) -> None:
    """Run by two processes: each sends half a batch through shared norms and stores what came of it."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2")
    fabric = processes.make_fabric(accelerator="cpu", precision="32-true")
    x, norm = batch_and_norm()
    processes.share_batch_norm(nn.Sequential(norm), fabric)
    mine = x[processes.part_of(len(x), fabric)].requires_grad_()
    out = norm(mine)
    (out * torch.arange(out.numel()).view_as(out)).sum().backward()
    torch.save([out, mine.grad, norm.running_mean, norm.running_var], f"{folder}/{rank}.pt")
    assert processes.in_order(out, fabric).shape == x.shape
    processes.leave(fabric)


def batch_and_norm() -> tuple[torch.Tensor, nn.BatchNorm2d]:
    from timm.layers import BatchNormAct2d

    x = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    norm = BatchNormAct2d(3)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
        norm.bias.copy_(torch.tensor([0.1, 0.0, -0.1]))
    return x, norm


def test_batch_norm_over_two_processes_is_that_of_the_whole_batch(tmp_path):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys, test_training_processes as t; t.shared_batch_norm(int(sys.argv[1]), sys.argv[2])"
    path = os.pathsep.join([str(Path(__file__).parent), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    environment |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(rank), str(tmp_path)],
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for each in runs:
        assert each.wait(120) == 0, each.stderr.read()
    outs, grads, means, variances = zip(*(torch.load(tmp_path / f"{rank}.pt") for rank in range(2)), strict=True)

    x, norm = batch_and_norm()
    x.requires_grad_()
    out = norm(x)
    # each process weighs its own rows from zero, as above
    weights = torch.cat([torch.arange(part.numel()).view_as(part) for part in outs])
    (out * weights).sum().backward()
    torch.testing.assert_close(torch.cat(outs), out, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat(grads), x.grad, atol=1e-3, rtol=1e-4)
    for mean, variance in zip(means, variances, strict=True):
        torch.testing.assert_close(mean, norm.running_mean)
        torch.testing.assert_close(variance, norm.running_var)


# In double precision the order of sums cannot show: whatever differs then is a mistake.
def _command(data: Path, folder: Path, *, processes_: int, epochs: int = 2, restarts: int = 0) -> list[str]:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes_}"]
    launcher = [*torchrun, f"--max-restarts={restarts}"] if processes_ > 1 else []
    settings = {"--model": "resnet18", "--size": 48, "--batch": 12, "--epochs": epochs, "--precision": "64-true"}
    places = {"--data": data, "--runs": folder / "runs", "--work": folder / "work", "--accelerator": "cpu"}
    rest = [str(part) for pair in (settings | places).items() for part in pair]
    return [sys.executable, *launcher, str(ROOT / "train.py"), "lisbon2023", *rest]


def _record(folder: Path) -> dict:
    (path,) = (folder / "runs").glob("*.json")
    return json.loads(path.read_text())


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_give_the_figures_of_one(made_fracatlas, tmp_path):
    data = made_fracatlas(120)
    for count in (1, 2):
        command = _command(data, tmp_path / str(count), processes_=count)
        answer = subprocess.run(command, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
    one, two = (_record(tmp_path / str(count)) for count in (1, 2))
    assert (one["processes"], two["processes"]) == (1, 2)
    assert two["metrics"]["auc"]["value"] == pytest.approx(one["metrics"]["auc"]["value"], abs=1e-4)
    for first, second in zip(one["curves"], two["curves"], strict=True):
        assert second["train_loss"] == pytest.approx(first["train_loss"], abs=1e-4)
        assert second["val_auc"] == pytest.approx(first["val_auc"], abs=1e-4)
    np.testing.assert_allclose(two["cases"]["score"], one["cases"]["score"], atol=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="the worker to kill is found through /proc")
def test_a_killed_worker_is_replaced_and_the_run_goes_on(made_fracatlas, tmp_path):
    data, killed = made_fracatlas(120), tmp_path / "killed"
    command = _command(data, killed, processes_=2, epochs=3, restarts=2)
    run = subprocess.Popen(command, env=ENVIRONMENT, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while not list((killed / "work").glob("*.ckpt")):
        assert run.poll() is None and time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.02)
    os.kill(_children(run.pid)[-1], signal.SIGKILL)
    _, told = run.communicate(timeout=300)
    assert run.returncode == 0, told
    assert "going on from epoch" in told

    whole = tmp_path / "whole"
    command = _command(data, whole, processes_=2, epochs=3)
    subprocess.run(command, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, check=True)
    first, second = _record(whole), _record(killed)
    assert second["epochs_run"] == 3
    np.testing.assert_allclose(second["cases"]["score"], first["cases"]["score"], atol=1e-4)


def _children(parent: int) -> list[int]:
    """Processes that a process started, by ascending number."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(place.parent.name))
    return sorted(found)
