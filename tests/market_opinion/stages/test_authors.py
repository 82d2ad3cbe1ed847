"""Authors' keys: HMACs of their names, hashed once more by each pepper that was added."""

import hashlib
import hmac

import polars as pl
import pytest

from market_opinion.stages.authors import (
    author_key,
    author_keys,
    extended,
    follow,
    is_former,
    pepper_id,
    peppers,
    rekey,
    so_far,
)

FIRST, SECOND, THIRD = "the first: of three", "2" * 64, "3" * 64
TWO = extended(FIRST, SECOND)
THREE = extended(TWO, THIRD)


def hashed(text, *keys):
    for key in keys:
        text = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return text


@pytest.mark.parametrize(
    ("pepper", "single"),
    [
        (FIRST, (FIRST,)),
        (TWO, (FIRST, SECOND)),
        (THREE, (FIRST, SECOND, THIRD)),
        ("rotated:short:rest", ("rotated:short:rest",)),
        ("a\nb\n", ("a\nb\n",)),
    ],
)
def test_a_pepper_holds_those_before_it(pepper, single):
    """Whatever signs the first one has; what only looks like a rotated one is one."""
    assert peppers(pepper) == single


def test_a_key_is_hashed_with_each_pepper_in_turn():
    """E17: as Python's own HMAC does."""
    name = "reddit/quiet_otter"
    assert author_key("reddit", "Quiet_Otter", pepper=THREE) == hashed(name, FIRST, SECOND, THIRD)
    assert author_keys("reddit", "quiet_otter", pepper=THREE) == [
        hashed(name, FIRST, SECOND, THIRD),
        hashed(name, FIRST, SECOND),
        hashed(name, FIRST),
    ]
    assert list(so_far(THREE)) == [THREE, TWO, FIRST]
    assert author_key("reddit", "quiet_otter", pepper=THREE) in follow(hashed(name, FIRST), THREE)


def test_rows_follow_from_whichever_pepper_they_have():
    """Rows without an id are of the first; without a key none is made; again, nothing changes."""
    key = {each: author_key("reddit", "quiet_otter", pepper=each) for each in (FIRST, TWO, THREE)}
    rows = pl.DataFrame(
        {
            "author_key": [key[FIRST], key[FIRST], key[TWO], key[THREE], None, "of another lake"],
            "pepper_id": [None, *map(pepper_id, (FIRST, TWO, THREE)), None, "another"],
        }
    )
    assert rows.select(is_former(THREE)).to_series().to_list() == [True] * 3 + [False] * 3
    followed = rekey(rows, THREE)
    assert followed["author_key"].to_list() == [key[THREE]] * 4 + [None, "of another lake"]
    assert followed["pepper_id"].to_list() == [pepper_id(THREE)] * 4 + [None, "another"]
    assert followed.equals(rekey(followed, THREE))
