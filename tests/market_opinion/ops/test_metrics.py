"""B39, B40: metrics under the names operators know, wherever they go."""

import json
import logging
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from market_opinion.core.settings import load_settings
from market_opinion.ops.adapters import open_adapters
from market_opinion.ops.metrics import Metric
from tests.cloud import needs_aws

NOW = datetime.now(UTC).replace(microsecond=0)
PHONES = {"Environment": "prod", "Subreddit": "phones"}
METRICS = [
    Metric("NewComments", 5, "Count", NOW, PHONES),
    Metric("NewSubmissions", 2, "Count", NOW, PHONES),
    Metric("NewComments", 7, "Count", NOW, {**PHONES, "Subreddit": "tablets"}),
]


def test_the_embedded_format_is_a_line_a_time_and_place(monkeypatch, capsys):
    """As CloudWatch's specification has it: metadata under _aws, dimensions and values beside it."""
    monkeypatch.setenv("METRICS_SINK", "emf")
    open_adapters().metrics().put(METRICS)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [
        (line["Subreddit"], line["NewComments"], line.get("NewSubmissions")) for line in lines
    ] == [
        ("phones", 5, 2),
        ("tablets", 7, None),
    ]
    (directive,) = lines[0]["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "RedditIngestion"
    assert directive["Dimensions"] == [["Environment", "Subreddit"]]
    assert {metric["Name"] for metric in directive["Metrics"]} == {"NewComments", "NewSubmissions"}
    assert lines[0]["_aws"]["Timestamp"] == int(NOW.timestamp() * 1000)


@needs_aws
def test_metrics_arrive_in_cloudwatch(account, monkeypatch):
    """Asked back by name and dimensions; too old ones do not spoil the others."""
    monkeypatch.setenv("METRICS_SINK", "cloudwatch")
    old = Metric("NewComments", 99, "Count", NOW - timedelta(days=30), PHONES)
    open_adapters().metrics().put([*METRICS, old])
    answer = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="RedditIngestion",
        MetricName="NewComments",
        Dimensions=[{"Name": name, "Value": value} for name, value in PHONES.items()],
        StartTime=NOW - timedelta(hours=1),
        EndTime=NOW + timedelta(hours=1),
        Period=3600,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in answer["Datapoints"]) == 5


@needs_aws
def test_alerts_arrive_by_sns(account, monkeypatch, caplog):
    """E31: one message for all; a topic that is gone is logged and stops nothing."""
    from market_opinion.ops.alerts import Alert, raise_alerts

    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    monkeypatch.setenv("ALERT_SNS_TOPIC_ARN", topic)
    alerts = [
        Alert("windows_gap", "2 windows are GAP"),
        Alert("rate_limited", "3 requests were refused"),
    ]
    raise_alerts(alerts, load_settings(), logging.getLogger())
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)["Messages"]
    body = json.loads(message["Body"])
    assert (body["Subject"], body["Message"]) == (
        "market opinion: rate_limited, windows_gap",
        "2 windows are GAP\n3 requests were refused",
    )
    monkeypatch.setenv("ALERT_SNS_TOPIC_ARN", topic + "-gone")
    raise_alerts([Alert("windows_gap", "again")], load_settings(), logging.getLogger())
    assert "SNS did not take 1 alerts" in caplog.text


def test_a_sink_nobody_knows_is_refused(monkeypatch):
    from market_opinion.core.errors import SettingsInvalid

    monkeypatch.setenv("METRICS_SINK", "somewhere")
    with pytest.raises(SettingsInvalid, match="METRICS_SINK"):
        open_adapters().metrics()
