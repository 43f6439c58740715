"""How fast an architecture answers on this machine, and what it needs: for ``results/speed``.

On a CPU each model is measured in a process of its own, so that its peak memory is its own too; a GPU's memory can
be counted anew.
"""

from __future__ import annotations

import math
import multiprocessing
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fracture_core.errors import FractureError
from fracture_core.memory import peak_memory
from fracture_core.metrics import Estimate
from fracture_core.provenance import commit
from fracture_core.results import SPEEDS, TRAINING_SPEEDS, Speed, TrainingSpeed, to_json
from fracture_core.results.speeds import SCHEMA

WARM_UP = 3  # calls before the clock runs: memory is laid out, kernels are chosen
PRECISIONS = ("float32", "bfloat16")


def measure(
    model: str, size: int, *, precision: str = "float32", batch: int = 8, rounds: int = 30, threads: int | None = None
) -> Speed:
    """Time one architecture as it answers, on the GPU where there is one.

    Its weights are random, which does not matter for speed; layers are joined, as ``load_classifier`` does.

    Args:
        model: a name of ``models.MODELS``.
        size: side of the square input in pixels.
        precision: one of ``PRECISIONS``.
        batch: films at once for the throughput.
        rounds: timed calls with one film; a third as many with ``batch``.
        threads: of the CPU; None for as many as torch takes.

    Raises:
        FractureError: the process that measures was stopped; most often by want of memory.
    """
    import torch

    stopped = f"Measuring {model} at {size} px was stopped, most likely by want of memory: use a smaller --batch."
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        try:
            return _measure(model, size, precision, batch, rounds, threads)
        except torch.cuda.OutOfMemoryError as error:
            raise FractureError(stopped) from error
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(sender, model, size, precision, batch, rounds, threads))
    process.start()
    sender.close()
    try:
        return receiver.recv()  # type: ignore[no-any-return]
    except EOFError as error:
        raise FractureError(stopped) from error
    finally:
        process.join()


def _measured(sender: Connection, *what: Any) -> None:
    """In a process of its own."""
    sender.send(_measure(*what))


def _measure(model: str, size: int, precision: str, batch: int, rounds: int, threads: int | None) -> Speed:
    import torch

    from fracture_core.models import build_model
    from fracture_core.models.folding import fold_batch_norm
    from fracture_core.models.fusing import fuse_activations

    if threads is not None:
        torch.set_num_threads(threads)
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    network = build_model(model).eval()
    parameters = sum(part.numel() for part in network.parameters())  # folding merges some
    network = fuse_activations(fold_batch_norm(network)).to(device).to(memory_format=torch.channels_last)

    def seconds(films: int, calls: int) -> list[float]:
        inputs = torch.rand(films, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
        taken = []
        for call in range(WARM_UP + calls):
            start = time.perf_counter()
            network(inputs)
            if on_gpu:
                torch.cuda.synchronize()
            if call >= WARM_UP:
                taken.append(time.perf_counter() - start)
        return taken

    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        single = seconds(1, rounds)
        many = seconds(batch, max(1, rounds // 3))
    return Speed(
        model=model,
        size=size,
        parameters=parameters,
        hardware=torch.cuda.get_device_name() if on_gpu else processor(),
        threads=None if on_gpu else torch.get_num_threads(),
        precision=precision,
        latency_ms=median([1000 * value for value in single]),
        batch=batch,
        films_per_second=batch / median(many).value,
        peak_memory_mb=torch.cuda.max_memory_allocated() / 2**20 if on_gpu else peak_memory() / 2**20 or math.nan,
        date=datetime.now(UTC).date().isoformat(),
        commit=commit() or "unknown",
        torch=torch.__version__,
    )


def median(values: Sequence[float]) -> Estimate:
    """The median with its distribution-free 95 % interval from order statistics (Conover 1999, section 3.2)."""
    from scipy import stats

    ordered = sorted(values)
    n = len(ordered)
    below = int(stats.binom.ppf(0.025, n, 0.5))
    value = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return Estimate(value, ordered[max(below - 1, 0)], ordered[min(n - below, n - 1)], n)


def processor() -> str:
    """The CPU's name, as the system gives it."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def write_speed(speed: Speed, *, folder: Path = SPEEDS) -> Path:
    """Write a measurement; an earlier one of the same model, size, machine and precision is replaced."""
    return _write(speed, folder / f"{_place(speed)}-{speed.precision}.json")


def write_training_speed(speed: TrainingSpeed, *, folder: Path = TRAINING_SPEEDS) -> Path:
    """As ``write_speed``, of a training; its batch and its films count too."""
    films = re.sub(r"[^a-z0-9]+", "-", speed.films.lower())
    return _write(speed, folder / f"{_place(speed)}-batch{speed.batch}-{films}.json")


def _place(speed: Speed | TrainingSpeed) -> str:
    machine = re.sub(r"[^a-z0-9]+", "-", f"{speed.hardware} {speed.threads or ''}".lower()).strip("-")
    return f"{speed.model}-{speed.size}-{machine}"


def _write(speed: Speed | TrainingSpeed, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(to_json({"schema": SCHEMA, **asdict(speed)}, indent=1), encoding="utf-8")
    partial.replace(path)
    return path
