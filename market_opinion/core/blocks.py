"""Prefect blocks: secrets that are kept on the Prefect server and read by name."""

from typing import Any, cast


def read_block(name: str) -> Any:  # noqa: ANN401, any JSON
    """Return the value of a Secret block: a text, or the content of its JSON.

    Raises ValueError for a name that the server does not know.
    """
    from prefect.blocks.system import Secret  # takes seconds to import, and few need it

    # No coroutine, since no event loop runs here.
    return cast("Secret[Any]", Secret.load(name)).get()
