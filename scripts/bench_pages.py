"""``make bench-pages``: how long the research pages take to open with 500 run records, and that torch stays out.

Records are copies of the real ones under other ids. The first opening of a server pays for imports and for reading
every record once; the others are what a visitor meets.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIES = 500
ROUNDS = 7
PAGES = ("results", "data_audit", "recipes", "models", "about")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = make_records(Path(folder))
        print(f"{made} run records; seconds until the page's script has run")
        print(f"{'page':12} {'first':>7} {'again':>7}  torch")
        for page in PAGES:
            environment = os.environ | {"FRACTURE_RUNS": folder}
            command = [sys.executable, "-m", "scripts.bench_pages", page]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stderr=subprocess.DEVNULL)


def make_records(folder: Path) -> int:
    """Records as the trainer writes them; an id each."""
    real = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "results/runs").glob("*.json"))]
    for number in range(COPIES):
        record = real[number % len(real)]
        record = {**record, "id": f"made{number:04}-{record['id']}", "seed": number}
        (folder / f"{record['id']}.json").write_text(json.dumps(record, separators=(",", ":")), encoding="utf-8")
    return COPIES


def one(page: str) -> None:
    """Open one page in this process, which has seen no other."""
    from streamlit.testing.v1 import AppTest

    seconds = []
    for _ in range(1 + ROUNDS):
        app = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=300)
        app.switch_page(f"research/{page}.py")
        start = time.perf_counter()
        app.run()
        seconds.append(time.perf_counter() - start)
        assert not app.exception, app.exception
    torch = "loaded" if "torch" in sys.modules else "not loaded"
    print(f"{page:12} {seconds[0]:7.2f} {statistics.median(seconds[1:]):7.2f}  {torch}", flush=True)


if __name__ == "__main__":
    one(sys.argv[1]) if len(sys.argv) > 1 else main()
