"""Monthly cost of an installation by stage, before any of it is created.

List prices of eu-central-1 from memory (2026), for 20 communities that are read every hour. Data
that grows, the model, Snowflake and Prefect Cloud are not in it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from infra.terraform import Environment

# Keys of KMS by stage, and secrets.
KEYS = {
    "00_bootstrap": 1,
    "10_storage": 4,
    "11_state": 1,
    "12_config": 1,
    "13_registry": 1,
    "50_monitoring": 1,
}
SECRETS = 11
_KEY_USD, _SECRET_USD = 1.0, 0.4
# A worker is always on: 0.25 vCPU and 1 GB of Fargate, and its public address.
_WORKER_USD = 16.0


class Cost(NamedTuple):
    """Cost of a part of a stage, in USD a month."""

    stage: str
    what: str
    usd: float


def monthly_costs(place: Environment) -> list[Cost]:
    """Return the costs of an environment, in the order of its stages."""
    workers = int(place.values.get("worker_count", "1"))
    costs = [
        *(Cost(stage, f"keys: {count}", count * _KEY_USD) for stage, count in KEYS.items()),
        Cost("12_config", f"secrets: {SECRETS}", SECRETS * _SECRET_USD),
        Cost("30_compute", f"workers, always on: {workers}", workers * _WORKER_USD),
        Cost("30_compute", "720 hourly runs of 3 minutes", 3),
        Cost("50_monitoring", "metrics and Container Insights", 25),
        Cost("50_monitoring", "logs, trail, alarms, storage", 6),
    ]
    return sorted(costs, key=lambda cost: cost.stage)


def total_usd(costs: Iterable[Cost]) -> float:
    """Return the sum of the costs."""
    return sum(cost.usd for cost in costs)
