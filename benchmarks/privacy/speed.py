"""Processor seconds of one cleaning: `python speed.py MODULE FILE.json`, run in a checkout.

It imports nothing of this repository but the module, so that it can time any commit's cleaning.
"""

import importlib
import json
import sys
import time
from pathlib import Path

import polars as pl

_REPEATS = 3


def main(module: str, file: str, *, is_masked: bool) -> None:
    """Print the least seconds of three cleanings of the texts, of all cores together.

    Seconds of the processor, since those of a clock depend on who else uses the machine.
    """
    cleaning = importlib.import_module(module)
    if not is_masked:
        cleaning._of_kinds = lambda texts, kinds: texts  # noqa: ARG005, SLF001, all but the masks
    texts = pl.LazyFrame({"text": json.loads(Path(file).read_text(encoding="utf-8"))})
    seconds = []
    for _ in range(_REPEATS):
        began = time.process_time()
        texts.pipe(cleaning.clean, "text").collect(engine="streaming")
        seconds.append(time.process_time() - began)
    print(min(seconds))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], is_masked="--without-masks" not in sys.argv)
