"""``models``: the installed weights, or every architecture that can be trained."""

from __future__ import annotations

import argparse
import sys


def add(commands: argparse._SubParsersAction) -> None:
    """Join ``models`` to the command line."""
    command = commands.add_parser("models", help="list the installed models")
    command.add_argument("--all", action="store_true", help="list the architectures that can be trained instead")
    command.set_defaults(run=list_models)


def list_models(options: argparse.Namespace) -> int:
    """Print them, one a line; 3 when nothing is installed."""
    return _architectures() if options.all else _installed()


def _installed() -> int:
    from fracture_core import weights

    names = weights.installed()
    for name in names:
        card = weights.load_card(name)
        auc = card.metrics["auc"]
        print(f"{card.name:20} {card.title}; test AUC {auc.decimal()}, n {auc.n}")
    if not names:
        print("No model is installed: train one with 'python train.py'.", file=sys.stderr)
    return 0 if names else 3


def _architectures() -> int:
    from fracture_core.models import MODELS

    width = max(map(len, MODELS))
    for name, spec in MODELS.items():
        papers = f"; {', '.join(spec.papers)}" if spec.papers else ""
        print(f"{name:{width}}  {spec.title}; {spec.parameters / 1e6:.1f} million parameters{papers}")
    return 0
