"""Play chapters with the real client: `python play.py CHAPTER...` prints a JSON line a chapter.

A chapter is a module beside this file whose `main()` does what a user's script does and returns what it saw. Each also runs alone:
`python fluent.py`. Only mlflow and the frameworks are imported: nothing of Tidemill.
"""

import importlib
import json
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any


def told(name: str) -> dict[str, Any]:
    """Play one chapter and give what it saw, or how it failed."""
    started = time.perf_counter()
    try:
        seen: dict[str, Any] = {"chapter": name, "saw": importlib.import_module(name).main()}
    except BaseException:  # noqa: BLE001 - whatever a chapter raises is its result
        seen = {"chapter": name, "failed": traceback.format_exc()[-4000:]}
    return seen | {"took_s": round(time.perf_counter() - started, 1)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(Path(__file__).parent))
    for chapter in sys.argv[1:]:
        print("\n@@" + json.dumps(told(chapter), default=str), flush=True)
