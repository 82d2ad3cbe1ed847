"""The data dictionary is what contracts and SQL say."""

from market_opinion.core.contracts import TABLES
from market_opinion.ops import dictionary
from tests.conftest import REPOSITORY


def test_the_committed_dictionary_is_current():
    """S10: `make docs` writes it."""
    assert (REPOSITORY / "docs/tables.md").read_text() == dictionary.render()


def test_every_column_of_every_table_has_a_meaning():
    """S10: personal columns are in bronze alone."""
    for table in TABLES:
        for name, column in table.contract.to_schema().columns.items():
            assert column.description, f"{table.name}.{name}"
            assert not column.metadata["personal"] or table.name.startswith("bronze.")
