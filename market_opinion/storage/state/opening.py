"""The state store that the settings name."""

from market_opinion.core.settings import Settings
from market_opinion.storage.state import StateStore
from market_opinion.storage.state.sqlite import SQLiteState


def open_state(settings: Settings) -> StateStore:
    """Return the store: a file of the home, or a table of DynamoDB."""
    if settings.state.table is None:
        return SQLiteState(settings.state.path, environment=settings.environment)
    # Loads boto3's models, which few need.
    from market_opinion.storage.state.dynamodb import DynamoDBState

    return DynamoDBState(
        settings.state.table,
        environment=settings.environment,
        ssm_path=settings.state.ssm_path,
    )
