"""Claims in the DynamoDB table of the state: every write that a race could lose has a condition."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, TypeVar

Result = TypeVar("Result")
# An item whose time has passed is deleted by DynamoDB, where the table has a TTL on `ExpiresAt`.
_EXPIRY_SECONDS = 7 * 86_400
# As many as boto3 keeps connections.
_WRITERS = 10
# The most keys of one BatchGetItem.
_KEYS_AT_ONCE = 100
_IS_FREE = (
    "attribute_not_exists(pk)"
    " OR (attribute_not_exists(Answer) AND (Holder = :holder OR LeasedUntil <= :now))"
)


class DynamoDBClaims:
    """Claims of processes of many machines, below the `pk` LEASES and BUDGETS."""

    def __init__(
        self,
        table: Any,  # noqa: ANN401, boto3 makes the class of a table at run time
        *,
        environment: str,
        asking: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Use the table; `asking` turns errors that an operator can correct into ours."""
        self._name: str = table.name
        # Clients may be shared between threads, which resources may not.
        self._client = table.meta.client
        self._leases = f"ENV#{environment}#LEASES"
        self._budgets = f"ENV#{environment}#BUDGETS"
        self._asking = asking

    def take(self, keys: Iterable[str], *, holder: str, now: float, until: float) -> set[str]:
        """Lease the keys that nobody else holds or has answered; return those held now."""

        def lease(key: str) -> bool:
            item = {**self._key(key), "Holder": holder, **_times(until)}
            values = {":holder": holder, ":now": _decimal(now)}
            return self._if(
                self._client.put_item,
                Item=item,
                ConditionExpression=_IS_FREE,
                ExpressionAttributeValues=values,
            )

        keys = list(keys)
        return {key for key, is_held in zip(keys, self._each(lease, keys), strict=True) if is_held}

    def answer(self, answers: Mapping[str, str], *, until: float) -> None:
        """Keep answers by key, for every holder to read; after `until` they count as left."""
        times = _times(until)

        def keep(key: str) -> None:
            self._client.update_item(
                TableName=self._name,
                Key=self._key(key),
                UpdateExpression="SET Answer = :answer, LeasedUntil = :until, ExpiresAt = :expiry",
                ExpressionAttributeValues={
                    ":answer": answers[key],
                    ":until": times["LeasedUntil"],
                    ":expiry": times["ExpiresAt"],
                },
            )

        self._each(keep, answers)

    def answers(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the answers that are kept for these keys."""
        found: dict[str, str] = {}
        left = [self._key(key) for key in dict.fromkeys(keys)]
        while left:
            asked = {"Keys": left[:_KEYS_AT_ONCE], "ConsistentRead": True}
            with self._asking():
                page = self._client.batch_get_item(RequestItems={self._name: asked})
            items = page["Responses"].get(self._name, [])
            found |= {item["sk"]: item["Answer"] for item in items if "Answer" in item}
            # The server may leave some out, and names them.
            unread = page.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            left = left[_KEYS_AT_ONCE:] + unread
        return found

    def take_left(self, *, now: float, until: float) -> dict[str, str]:
        """Return the answers whose time has passed, each to one caller alone."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            FilterExpression="attribute_exists(Answer) AND LeasedUntil <= :now",
            ExpressionAttributeValues={":pk": self._leases, ":now": _decimal(now)},
            ConsistentRead=True,
        )
        with self._asking():
            left = {item["sk"]: item for page in pages for item in page["Items"]}
        times = _times(until)

        def take(key: str) -> bool:
            values = {":seen": left[key]["LeasedUntil"], ":until": times["LeasedUntil"]}
            return self._if(
                self._client.update_item,
                Key=self._key(key),
                UpdateExpression="SET LeasedUntil = :until, ExpiresAt = :expiry",
                ConditionExpression="LeasedUntil = :seen AND attribute_exists(Answer)",
                ExpressionAttributeValues={**values, ":expiry": times["ExpiresAt"]},
            )

        taken = zip(left.items(), self._each(take, left), strict=True)
        return {key: item["Answer"] for (key, item), is_ours in taken if is_ours}

    def drop(self, keys: Iterable[str], *, holder: str | None = None) -> None:
        """Remove leases with their answers; with a holder, only its own without an answer."""
        condition: dict[str, Any] = {}
        if holder is not None:
            condition = {
                "ConditionExpression": "Holder = :holder AND attribute_not_exists(Answer)",
                "ExpressionAttributeValues": {":holder": holder},
            }
        self._each(
            lambda key: self._if(self._client.delete_item, Key=self._key(key), **condition), keys
        )

    def book(self, budget: str, usd: float, *, limit: float | None = None) -> bool:
        """Add to what is booked on a budget; return False, and add nothing, beyond the limit."""
        change: dict[str, Any] = {
            "Key": {"pk": self._budgets, "sk": budget},
            "UpdateExpression": "ADD BookedUsd :usd",
            "ExpressionAttributeValues": {":usd": _decimal(usd)},
        }
        if limit is None:
            return self._if(self._client.update_item, **change)
        if usd > limit:
            return False
        change["ConditionExpression"] = "attribute_not_exists(BookedUsd) OR BookedUsd <= :room"
        change["ExpressionAttributeValues"][":room"] = _decimal(limit - usd)
        return self._if(self._client.update_item, **change)

    def booked(self, budget: str) -> float:
        """Return what is booked on a budget, in USD."""
        with self._asking():
            answer = self._client.get_item(
                TableName=self._name,
                Key={"pk": self._budgets, "sk": budget},
                ConsistentRead=True,
            )
        return float(answer.get("Item", {}).get("BookedUsd", 0))

    def _key(self, key: str) -> dict[str, str]:
        return {"pk": self._leases, "sk": key}

    def _each(self, change: Callable[[str], Result], keys: Iterable[str]) -> list[Result]:
        """Make the change of each key, many at once."""
        with self._asking(), ThreadPoolExecutor(_WRITERS) as pool:
            return list(pool.map(change, keys))

    def _if(self, write: Callable[..., Any], **arguments: Any) -> bool:  # noqa: ANN401
        """Write where the condition holds; return whether it did."""
        with self._asking():
            try:
                write(TableName=self._name, **arguments)
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


def _times(until: float) -> dict[str, Any]:
    return {"LeasedUntil": _decimal(until), "ExpiresAt": int(until) + _EXPIRY_SECONDS}


def _decimal(value: float) -> Decimal:
    """Return a number as DynamoDB takes it, to the millionth of a millionth."""
    return Decimal(str(round(value, 12)))
