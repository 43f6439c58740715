"""The command line: ``python -m fracture_core COMMAND``; each command is a module of ``fracture_core.commands``.

Exit status: 0 when everything was read, 2 when the command itself was wrong, 3 when some files could not be read,
130 when stopped by the user (what was done is kept).
"""

from __future__ import annotations

import argparse
import logging
import sys

from fracture_core import RESEARCH_ONLY, __version__
from fracture_core.commands import annotations as readings
from fracture_core.commands import audit, claims, classify, data, explain, localise, models, results, speed
from fracture_core.errors import FractureError

COMMANDS = (classify, explain, models, data, audit, results, claims, localise, speed, readings)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m fracture_core",
        description=f"Classify radiographs as fractured or not. {RESEARCH_ONLY}",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        return int(options.run(options))
    except FractureError as error:
        print(f"fracture_core: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
