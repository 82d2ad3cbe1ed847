"""State in one DynamoDB table, for processes of many machines; watermarks can also go to SSM."""

import functools
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import BotoCoreError, ClientError

from market_opinion.core import aws, values
from market_opinion.core.errors import SettingsInvalid, WatermarkUnreadable
from market_opinion.core.window import Window, floor_hour
from market_opinion.storage.state import (
    RequestUsage,
    RunRecord,
    WindowEntry,
    WindowState,
    hour_text,
    parse_hour_end,
    run_items,
    run_key,
)
from market_opinion.storage.state.dynamodb_claims import DynamoDBClaims

_WATERMARK = "WATERMARK"
_LOST = "ConditionalCheckFailedException"
# Error codes for a table, a key or a role that an operator has to correct.
_SETTINGS = {
    "ResourceNotFoundException",
    "AccessDeniedException",
    "UnrecognizedClientException",
    "ValidationException",
}


class DynamoDBState:
    """A StateStore in a table with the keys `pk` and `sk`.

    A community has `WATERMARK`, `WINDOW#{seconds}`, `RUN#{seconds}` and
    `ATTEMPT#{seconds}#{run}` below one `pk`. The list of communities, notes, quotas, requests,
    leases and budgets have a `pk` each. Every write that a race could lose has a condition.
    """

    def __init__(self, table: str, *, environment: str, ssm_path: str | None = None) -> None:
        """Use the table, and SSM for watermarks where `ssm_path` is set.

        Their name in SSM is `{ssm_path}/{environment}/{subreddit}/last_run_ts`, and for another
        platform `{ssm_path}/{environment}/{platform}/{community}/last_run_ts`.
        """
        self._name = table
        self._environment = environment
        self._ssm_path = ssm_path
        self._table = _kept_table(table, aws.identity(), os.getpid(), threading.get_ident())
        self.claims = DynamoDBClaims(self._table, environment=environment, asking=self._asking)

    def load_last_run_timestamp(self, platform: str, community: str) -> datetime | None:
        """Return the end of the last certified hour; None before the first run.

        Raises WatermarkUnreadable for a damaged watermark, since a guess could skip hours.
        """
        with self._asking():
            item = self._table.get_item(
                Key=self._key(platform, community, _WATERMARK), ConsistentRead=True
            ).get("Item")
        if item is None:
            return self._parameter(platform, community)
        if (moment := parse_hour_end(item.get("HourEnd"))) is None:
            message = (
                f"watermark of {platform}/{community} is {item.get('HourEnd')!r}, not the end of an"
                f" hour: correct HourEnd in table {self._name}, pk {self._pk(platform, community)},"
                f" sk {_WATERMARK}"
            )
            raise WatermarkUnreadable(message)
        return moment

    def save_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> bool:
        """Move the watermark forward to the end of a certified hour; return whether it moved."""
        item = self._watermark(platform, community, hour_end)
        if not self._put_if(
            item, Attr("HourEnd").not_exists() | Attr("HourEnd").lt(item["HourEnd"])
        ):
            return False
        self._put_parameter(platform, community, hour_end)
        return True

    def reset_last_run_timestamp(self, platform: str, community: str, hour_end: datetime) -> None:
        """Set the watermark, forward or back, whatever stands there."""
        with self._asking():
            self._table.put_item(Item=self._watermark(platform, community, hour_end))
        self._put_parameter(platform, community, hour_end)

    def _watermark(self, platform: str, community: str, hour_end: datetime) -> dict[str, Any]:
        return {
            **self._key(platform, community, _WATERMARK),
            "HourEnd": hour_text(hour_end),
            "LastProcessedHourEndTs": int(hour_end.timestamp()),
        }

    def _put_parameter(self, platform: str, community: str, hour_end: datetime) -> None:
        """Write the watermark into SSM as well, where that is asked for."""
        if self._ssm_path:
            name = self._parameter_name(platform, community)
            with self._asking():
                boto3.client("ssm").put_parameter(
                    Name=name, Value=str(int(hour_end.timestamp())), Type="String", Overwrite=True
                )

    def _parameter_name(self, platform: str, community: str) -> str:
        place = community if platform == "reddit" else f"{platform}/{community}"
        return f"{(self._ssm_path or '').rstrip('/')}/{self._environment}/{place}/last_run_ts"

    def _parameter(self, platform: str, community: str) -> datetime | None:
        """Return the watermark that an earlier program left in SSM; None where there is none."""
        if not self._ssm_path:
            return None
        client, name = boto3.client("ssm"), self._parameter_name(platform, community)
        with self._asking():
            try:
                text = client.get_parameter(Name=name)["Parameter"]["Value"]
            except client.exceptions.ParameterNotFound:
                return None
        seconds = values.seconds_of(text, values.EPOCH)
        if seconds is None:
            message = f"watermark in SSM {name} is no time: write the end of an hour there"
            raise WatermarkUnreadable(message)
        return floor_hour(datetime.fromtimestamp(seconds, UTC))

    def put_windows(self, entries: Iterable[WindowEntry]) -> None:
        """Write the entries of these hours, each as a whole."""
        entries = list(entries)
        places = {
            (e.platform, e.community): {
                "pk": self._communities,
                "sk": f"{e.platform}#{e.community}",
            }
            for e in entries
        }
        self._put_all(
            [
                *places.values(),
                *(
                    {
                        **self._key(e.platform, e.community, _hour(e.window_start)),
                        "WindowState": e.state.value,
                        "StopReason": e.stop_reason,
                        "Counts": json.dumps(e.counts, sort_keys=True),
                        "Detail": e.detail,
                    }
                    for e in entries
                ),
            ]
        )

    def windows(
        self, platform: str | None = None, window: Window | None = None
    ) -> list[WindowEntry]:
        """Return the ledger's entries in order of platform, community and time.

        Without a platform, they are those of all platforms; without a window, of all times.
        """
        begins = f"{platform}#" if platform else ""
        communities = self._query(
            Key("pk").eq(self._communities) & Key("sk").begins_with(begins)
            if begins
            else Key("pk").eq(self._communities)
        )
        entries = []
        for place in communities:
            of, _, community = place["sk"].partition("#")
            condition = Key("sk").begins_with("WINDOW#")
            if window is not None:
                # BETWEEN includes its upper end, which is no hour of the window.
                condition = Key("sk").between(_hour(window.start), _hour(window.end) + "-")
            for item in self._query(Key("pk").eq(self._pk(of, community)) & condition):
                start = datetime.fromtimestamp(int(item["sk"].removeprefix("WINDOW#")), UTC)
                if window is None or start in window:
                    state, counts = WindowState(item["WindowState"]), json.loads(item["Counts"])
                    entries.append(
                        WindowEntry(
                            of, community, start, state, item["StopReason"], counts, item["Detail"]
                        )
                    )
        return entries

    def put_runs(self, records: Iterable[RunRecord]) -> None:
        """Write two items for each record.

        `RUN#` is the latest run of the window, `ATTEMPT#` this attempt at it.
        """
        items: dict[tuple[str, str], dict[str, Any]] = {}
        for record in records:
            pk = self._pk(record.entry.platform, record.entry.community)
            for sk, attributes in run_items(record).items():
                items[pk, sk] = {
                    "pk": pk,
                    "sk": sk,
                    **{name: _number(value) for name, value in attributes.items()},
                }
        self._put_all(items.values())

    def runs(self, platform: str, community: str, *, prefix: str = "RUN#") -> list[dict[str, Any]]:
        """Return a community's run items whose sort key has the prefix, in order of the key.

        Their attributes include `pk` and `sk`.
        """
        items = self._query(
            Key("pk").eq(self._pk(platform, community)) & Key("sk").begins_with(prefix)
        )
        return [{name: _plain(value) for name, value in item.items()} for item in items]

    def put_notes(self, topic: str, notes: Mapping[str, Any]) -> None:
        """Write one JSON value for each name; the values of other names stay."""
        self._put_all(
            {"pk": self._topic(topic), "sk": name, "Body": json.dumps(body, sort_keys=True)}
            for name, body in notes.items()
        )

    def notes(self, topic: str) -> dict[str, Any]:
        """Return all values of a topic, in order of name."""
        return {
            item["sk"]: json.loads(item["Body"])
            for item in self._query(Key("pk").eq(self._topic(topic)))
        }

    def drop_notes(self, topic: str, names: Iterable[str]) -> None:
        """Remove these notes; a missing name is no error."""
        with self._asking(), self._table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
            for name in names:
                batch.delete_item(Key={"pk": self._topic(topic), "sk": name})

    def add_requests(self, usage: RequestUsage) -> None:
        """Add the counts to those of the hour and community; `left_count` replaces, if it is known.

        Nothing is dropped.
        """
        values = {":made": usage.request_count, ":refused": usage.refused_count}
        known = usage.left_count is not None
        with self._asking():
            self._table.update_item(
                Key={
                    "pk": self._requests,
                    "sk": f"{hour_text(usage.hour)}#{usage.platform}#{usage.community}",
                },
                UpdateExpression="ADD RequestCount :made, RefusedCount :refused"
                + (" SET LeftCount = :left" if known else ""),
                ExpressionAttributeValues=values | ({":left": usage.left_count} if known else {}),
            )

    def requests(self, since: datetime) -> list[RequestUsage]:
        """Return the usage from an hour on, in order of hour, platform and community."""
        usage = []
        for item in self._query(Key("pk").eq(self._requests) & Key("sk").gte(hour_text(since))):
            hour, platform, community = item["sk"].split("#", 2)
            left = item.get("LeftCount")
            usage.append(
                RequestUsage(
                    platform,
                    community,
                    datetime.fromisoformat(hour),
                    int(item["RequestCount"]),
                    int(item["RefusedCount"]),
                    None if left is None else int(left),
                )
            )
        return usage

    def reserve_request(
        self, bucket: str, *, now: float, interval_seconds: float, ahead_seconds: float
    ) -> float:
        """Take one request from the bucket; return 0, or the seconds to wait before the next try.

        The attribute `FreeAt` is the end of the last interval taken, in seconds since 1970. It is
        written only if it is unchanged since it was read; otherwise it is read again.
        """
        key = {"pk": f"ENV#{self._environment}#QUOTAS", "sk": bucket}
        while True:
            with self._asking():
                item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
            free_at = float(item["FreeAt"]) if item else 0.0
            if free_at - now > ahead_seconds + 1e-6:
                return max(free_at - now - ahead_seconds, 0.001)
            is_unchanged = (
                Attr("FreeAt").eq(item["FreeAt"]) if item else Attr("FreeAt").not_exists()
            )
            if self._put_if(
                {**key, "FreeAt": _number(max(free_at, now) + interval_seconds)}, is_unchanged
            ):
                return 0.0

    @property
    def _communities(self) -> str:
        return f"ENV#{self._environment}#COMMUNITIES"

    @property
    def _requests(self) -> str:
        return f"ENV#{self._environment}#REQUESTS"

    def _topic(self, topic: str) -> str:
        return f"ENV#{self._environment}#NOTES#{topic}"

    def _pk(self, platform: str, community: str) -> str:
        return run_key(self._environment, platform, community)

    def _key(self, platform: str, community: str, sk: str) -> dict[str, str]:
        return {"pk": self._pk(platform, community), "sk": sk}

    def _query(self, condition: ConditionBase) -> Iterator[dict[str, Any]]:
        """Yield all items, page by page, in order of `sk`."""
        more: dict[str, Any] = {}
        while True:
            with self._asking():
                page = self._table.query(
                    KeyConditionExpression=condition, ConsistentRead=True, **more
                )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _put_all(self, items: Iterable[dict[str, Any]]) -> None:
        with self._asking(), self._table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
            for item in items:
                batch.put_item(Item=item)

    def _put_if(self, item: dict[str, Any], condition: ConditionBase) -> bool:
        """Write the item where the condition holds; return whether it did."""
        with self._asking():
            try:
                self._table.put_item(Item=item, ConditionExpression=condition)
            except ClientError as error:
                if error.response["Error"]["Code"] == _LOST:
                    return False
                raise
        return True

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn errors that an operator can correct into SettingsInvalid.

        Errors that pass by themselves stay boto3's, which has already tried again.
        """
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _SETTINGS:
                raise
            message = (
                f"state table {self._name} cannot be used ({code}): check STATE_URI,"
                " RUNS_TABLE_NAME, the region and the role"
            )
            raise SettingsInvalid(message) from error
        except BotoCoreError as error:
            message = (
                f"state table {self._name} cannot be reached ({error}): check AWS_DEFAULT_REGION"
                " and the credentials"
            )
            raise SettingsInvalid(message) from error


@functools.lru_cache(maxsize=64)
def _kept_table(name: str, identity: object, process: int, thread: int) -> Any:  # noqa: ANN401, boto3 makes its classes at run time
    """Return boto3's table, made once a thread (boto3 forbids to share it) and identity.

    Each one that is made reads boto3's models anew: 20 ms of the processor.
    """
    del identity, process, thread
    return boto3.resource("dynamodb").Table(name)


def _hour(start: datetime) -> str:
    """Return the sort key of an hour, padded so that keys sort by time."""
    return f"WINDOW#{int(start.timestamp()):012d}"


def _number(value: object) -> object:
    """Return a number as DynamoDB takes it, which is decimal."""
    return Decimal(str(value)) if isinstance(value, float) else value


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value
