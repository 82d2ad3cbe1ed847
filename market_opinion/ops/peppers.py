"""The pepper of a lake: authors have one key each only as long as it is the same."""

import hashlib
import hmac

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.storage.state import StateStore

_NOTES, _ID = "pepper", "id"
_ID_CHARACTERS = 8


def pepper_id(pepper: str) -> str:
    """Return a short name of a pepper, which tells peppers apart and nothing of them."""
    digest = hmac.new(pepper.encode(), b"id of the pepper", hashlib.sha256)
    return digest.hexdigest()[:_ID_CHARACTERS]


def known_pepper(state: StateStore, settings: Settings) -> str:
    """Return the pepper, whose id the state keeps from its first use on.

    Raises SettingsInvalid for another one than before: a person would have two keys, and an
    erasure would miss what was purged under the first.
    """
    pepper = settings.pepper()
    own = pepper_id(pepper)
    if _ID not in (known := state.notes(_NOTES)):
        state.put_notes(_NOTES, {_ID: own})
        known = state.notes(_NOTES)
    if known[_ID] != own:
        message = (
            f"the pepper has id {own}, and rows were written with that of id {known[_ID]}: put the"
            f" former one back into AUTHOR_PEPPER or {settings.home / 'author_pepper'}"
        )
        raise SettingsInvalid(message)
    return pepper
