"""The library of the platform: its rooms know nothing of flows and tasks.

Reading order: the rooms from the lowest to the highest, each of which imports only from those
before it: `core`, `storage`, `domain`, `sources`, `stages`, `scorers`, `truth`, `serving`, `ops`.
"""

import os

# Polars' allocator gives blocks of 8 MB and more back to the system at once, and faults them in
# again for the next column: a quarter of the time of all stages. It is read when Polars is first
# imported; a setting from outside comes last and wins.
os.environ["_RJEM_MALLOC_CONF"] = ",".join(
    filter(None, ("oversize_threshold:0", os.environ.get("_RJEM_MALLOC_CONF")))
)
# Threads of numpy's matrix products wait busily for each other: beside other work, or where a
# container may use fewer cores than it sees, they cost ten times the processor of one thread. Read
# when numpy is first imported; a setting from outside wins.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def __getattr__(name: str) -> object:
    """Return `open_home`, which is imported as soon as somebody asks for it."""
    if name == "open_home":
        from market_opinion.serving.home import open_home

        return open_home
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
