"""The pepper of a lake: another one is refused before anything is written or erased."""

import pytest
from pydantic import SecretStr

from flows.backfill import backfill
from flows.erase import erase
from market_opinion.core.contracts import SILVER_ITEMS
from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import load_settings
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.peppers import known_pepper
from market_opinion.stages.authors import pepper_id

FIRST, SECOND = "the first pepper of two", "the second pepper of two"


def test_an_id_tells_peppers_apart_and_nothing_of_them():
    """Eight hexadecimal digits."""
    first, second = map(pepper_id, (FIRST, SECOND))
    assert first == pepper_id(FIRST) != second
    assert len(bytes.fromhex(first)) == 4


def test_the_first_pepper_is_kept_in_mind(monkeypatch):
    """By its id, in the state of all processes."""
    monkeypatch.setenv("AUTHOR_PEPPER", FIRST)
    state = open_adapters().state()
    assert FIRST == known_pepper(state, load_settings()) == known_pepper(state, load_settings())
    assert {"id": pepper_id(FIRST)} == state.notes("pepper")


@pytest.mark.usefixtures("without_engine")
def test_another_pepper_writes_nothing_and_erases_nobody(monkeypatch):
    """The message has both ids and neither pepper; the former one goes on."""
    monkeypatch.setenv("AUTHOR_PEPPER", FIRST)
    backfill.fn()
    before = open_adapters().lake().read(SILVER_ITEMS)
    (record, *_) = open_adapters().state().runs("sample", before["community"][0])
    assert record["PepperId"] == pepper_id(FIRST)
    monkeypatch.setenv("AUTHOR_PEPPER", SECOND)
    for attempt in (backfill.fn, lambda: erase.fn(platform="sample", author=SecretStr("anyone"))):
        with pytest.raises(SettingsInvalid, match="put the former one back") as error:
            attempt()
        assert pepper_id(FIRST) in str(error.value)
        assert "pepper of two" not in str(error.value)
    assert before.equals(open_adapters().lake().read(SILVER_ITEMS))
    monkeypatch.setenv("AUTHOR_PEPPER", FIRST)
    backfill.fn()
