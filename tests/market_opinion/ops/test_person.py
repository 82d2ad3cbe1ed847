"""All that is kept of a person, for that person."""

import json

import pytest

from flows.backfill import backfill
from market_opinion.__main__ import person
from market_opinion.core.errors import InvalidRequest
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.person import kept_of
from tests.conftest import write_archive

pytestmark = pytest.mark.usefixtures("without_engine")


def test_a_person_gets_every_row_of_their_own_and_none_of_others(
    tmp_path, make_comment, make_submission, capsys
):
    """However the name is written; and somebody who is not there is told so."""
    archive = write_archive(
        tmp_path / "archive",
        [make_comment("mine", author="Odd_Walnut"), make_comment("other", author="tin_lamp")],
        [make_submission(author="tin_lamp")],
    )
    backfill.fn(source="archive", archive=str(archive), communities=["phones"])
    person("reddit", "/u/ODD_walnut")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["item_id"] for row in rows} == {"mine"}
    assert list(dict.fromkeys(row["table"] for row in rows)) == [
        "bronze.items",
        "silver.items",
        "silver.mentions",
        "silver.opinions",
    ]
    assert rows[0]["author"] == "Odd_Walnut"
    with pytest.raises(InvalidRequest, match="check the name"):
        list(kept_of(open_adapters(), "reddit", "nobody_7"))
