"""File systems by their URI, with our error where none is known for it."""

from typing import Any

import fsspec

from market_opinion.core.errors import SettingsInvalid


def open_place(uri: str) -> tuple[Any, str]:
    """Return the file system of a URI and the path in it.

    Raises SettingsInvalid, which names the protocol alone, for one that is not known or needs a
    package that is absent.
    """
    try:
        fs, path = fsspec.url_to_fs(uri)
    except (ImportError, ValueError) as error:
        protocol = uri.partition(":")[0]
        needs = f" ({error})" if isinstance(error, ImportError) else ""
        message = (
            f"files of {protocol if protocol.isalnum() else 'this address'} cannot be read{needs}:"
            " check the URI, and install what fsspec needs for it"
        )
        raise SettingsInvalid(message) from None
    return fs, path
