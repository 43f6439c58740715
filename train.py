"""Train a recipe: ``python train.py lisbon2023 --model resnet34 --data DIR --work DIR``.

Films are divided by group, the model is fitted on ``train``, the best epoch, the calibration and every threshold are
chosen on ``val``, and ``test`` is read once, at the end. Written are the weights with their card and, unless it is a
smoke run, one immutable record under ``results/runs``. A committee's members are trained one after another, each with
a record of its own. Under ``torchrun`` the same command trains in many processes.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from fracture_core.errors import FractureError
from fracture_core.memory import keep_freed_memory
from fracture_core.recipes import GROUPED, PUBLISHED, RECIPES
from fracture_core.results import RUNS
from fracture_core.runs.options import AUTO, Options
from fracture_core.weights import FORMS, FP16


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py", description="Train a recipe and write weights, card and record."
    )
    parser.add_argument("recipe", nargs="?", help="a recipe's name; see --list")
    parser.add_argument("--list", action="store_true", help="show the recipes and stop")
    parser.add_argument("--model", help="one of the recipe's models; without it, its first")
    parser.add_argument("--data", type=Path, help="folder of a data set (see python -m fracture_core data)")
    parser.add_argument(
        "--pretrained",
        type=Path,
        metavar="FILE",
        help="safetensors file of backbone weights in timm's names; or 'timm': fetch its ImageNet weights",
    )
    parser.add_argument("--weights", type=Path, help="folder to write model.safetensors and card.json to")
    parser.add_argument(
        "--form",
        choices=(*FORMS, AUTO),
        default=FP16,
        help="how --weights are stored: in 16 bits, in 8, or in 8 where the validation films' AUC stays",
    )
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder of the run records")
    parser.add_argument("--work", type=Path, help="folder for decoded films and checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --work, if there is one")
    parser.add_argument("--seed", type=int, default=0)
    how = parser.add_argument_group("division of the films")
    how.add_argument(
        "--split",
        choices=(GROUPED, "clean", PUBLISHED),
        help="over groups; over groups with one film of each different file; or as the publisher divided. Without "
        "it as the recipe says, and over groups where the data has no published division",
    )
    how.add_argument("--folds", type=int, help="cross-validation: this many folds over groups, with --fold the test")
    how.add_argument("--fold", type=int, help="of --folds, counted from 0; without it the first")
    how.add_argument(
        "--also",
        type=Path,
        metavar="DIR",
        help="a second data set that trains along; what both hold is left out, and three in ten of its exposures "
        "are kept for a check afterwards",
    )
    how.add_argument(
        "--member", type=int, help="of a committee, train this one alone (with --work), for the rest later"
    )
    change = parser.add_argument_group("changes of the recipe (kept in the record)")
    change.add_argument("--epochs", type=int)
    change.add_argument("--size", type=int, help="side of the input, pixels")
    change.add_argument("--batch", type=int)
    change.add_argument("--accumulate", type=int, help="parts each batch is computed in, for a small memory")
    change.add_argument("--copies", type=int, help="how often a film comes in an epoch")
    machine = parser.add_argument_group("machine")
    machine.add_argument("--accelerator", default="auto", choices=("auto", "cpu", "gpu"))
    machine.add_argument("--precision", default="bf16-mixed", choices=("bf16-mixed", "32-true", "64-true"))
    machine.add_argument("--compile", action="store_true", help="fuse operations first (torch.compile)")
    machine.add_argument("--smoke", action="store_true", help="a tiny run that shows that everything works")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    rank = int(os.environ.get("RANK", "0"))
    logging.basicConfig(
        level=logging.INFO if rank == 0 else logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger("lightning").setLevel(logging.WARNING)
    try:
        if options.list or options.recipe is None:
            print(listing())
            return 0
        if options.data is None:
            raise FractureError("Name the data set's folder: --data DIR.")
        if options.form != FP16 and options.weights is None:
            raise FractureError("Name the folder to store the weights in: --weights DIR.")
        keep_freed_memory()
        from fracture_core.runs.run import run

        run(Options(**{name: value for name, value in vars(options).items() if name != "list"}))
    except FractureError as error:
        if rank == 0:
            print(f"train.py: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        place = f" '{error.filename}'" if error.filename else ""
        print(f"train.py: A file{place} cannot be read or written: {error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if rank == 0:
            print(f"Stopped. {kept(options)}", file=sys.stderr)
        return 130
    return 0


def kept(options: argparse.Namespace) -> str:
    """What a stopped run leaves for the next one, in words."""
    if options.work is None or options.smoke:
        return "Nothing is kept of this run; with --work DIR its finished epochs would be."
    return f"Finished epochs are kept in '{options.work}': the same command with --resume goes on after them."


def listing() -> str:
    """The recipes and the models each is made for, as text."""
    lines = []
    for recipe in RECIPES.values():
        models = [recipe.with_model(name) for name in recipe.models or (recipe.model,)]
        lines.append(f"{recipe.key:24} {recipe.title}")
        for each in sorted(models, key=lambda each: each.model != recipe.model):
            after = f", after {each.continues}" if each.continues else ""
            lines.append(f"{'':24}   {each.model}, {each.size} px, {each.epochs} epochs of batch {each.batch}{after}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
