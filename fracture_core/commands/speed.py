"""``speed``: how fast the architectures answer on this machine."""

from __future__ import annotations

import argparse
import sys

from fracture_core.errors import FractureError, UnknownName


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``speed`` to the command line."""
    command = commands.add_parser("speed", help="time the architectures on this machine")
    command.add_argument(
        "--model", action="append", metavar="NAME", help="this one, may be repeated; by default those of all recipes"
    )
    command.add_argument("--size", type=int, metavar="PX", help="side of the input, if not the recipes'")
    command.add_argument("--batch", type=int, default=8, metavar="N", help="films at once for the throughput (8)")
    command.add_argument("--rounds", type=int, default=30, metavar="N", help="timed calls with one film (30)")
    command.add_argument("--threads", type=int, metavar="N", help="of the CPU; by default as many as torch takes")
    command.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    command.add_argument("--record", action="store_true", help="store the measurements under results/speed")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a line for each model and size; 3 when one could not be measured."""
    from fracture_core.speed import measure, write_speed

    for name in ("batch", "rounds", "size", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise FractureError(f"--{name} is {value}; it must be 1 or more.")
    failed = False
    for model, size in contestants(options.model, options.size):
        try:
            speed = measure(
                model,
                size,
                precision=options.precision,
                batch=options.batch,
                rounds=options.rounds,
                threads=options.threads,
            )
        except FractureError as error:
            print(f"fracture_core: {error}", file=sys.stderr)
            failed = True
            continue
        latency = speed.latency_ms
        print(
            f"{model:20} {size:4} px  {latency.value:8.1f} ms [{latency.low:.1f}–{latency.high:.1f}]  "
            f"{speed.films_per_second:7.1f} films/s at {speed.batch}  {speed.peak_memory_mb:6.0f} MB  "
            f"{speed.parameters / 1e6:6.1f} M parameters",
            flush=True,
        )
        if options.record:
            write_speed(speed)
    return 3 if failed else 0


def contestants(models: list[str] | None, size: int | None) -> list[tuple[str, int]]:
    """Model and size of each measurement: every pair that a recipe trains, or the named models at their sizes.

    Raises:
        UnknownName: there is no such model.
    """
    from fracture_core.models import MODELS
    from fracture_core.recipes import RECIPES

    for name in models or ():
        if name not in MODELS:
            raise UnknownName("model", name, MODELS)
    pairs = {
        (name, made.size)
        for recipe in RECIPES.values()
        for name in (recipe.model, *recipe.models)
        for made in (recipe.with_model(name),)
        if models is None or name in models
    }
    if models is not None:
        pairs |= {(name, MODELS[name].native_size) for name in models if name not in {model for model, _ in pairs}}
    if size is not None:
        pairs = {(name, MODELS[name].native_size if MODELS[name].fixed_size else size) for name, _ in pairs}
    return sorted(pairs)
