"""What the platform knows, apart from the orchestrator: nothing here imports Prefect.

Reading order: `window` and `errors` for the words, `domain` and `contracts` for the shapes, then the stages in the order
an item passes through them: `sources`, `landing`, `bronze`, `silver`, `mentions`, `opinions`, `mart`, `report`.
"""

import os

# Polars' allocator gives blocks of 8 MB and more back to the system at once, and faults them in again for the next
# column: a quarter of the time of all stages. Read when Polars is first imported; a setting from outside comes last and wins.
os.environ["_RJEM_MALLOC_CONF"] = ",".join(
    filter(None, ("oversize_threshold:0", os.environ.get("_RJEM_MALLOC_CONF")))
)
