"""The ledger of paid questions, and what its answers mean for the items of a slice."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
import polars as pl

from market_opinion.core.contracts import OPS_REJECTIONS, SILVER_EXTRACTIONS
from market_opinion.domain.definition import Domain
from market_opinion.domain.examples import Meant, Mention, doubt
from market_opinion.scorers.llm.offers import Offers
from market_opinion.scorers.llm.prices import Usage
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, find_evidence
from market_opinion.stages.opinions import JUDGEMENT_SCHEMA
from market_opinion.storage.lake.tables import Lake

OK = "ok"
_KEYS_AT_ONCE = 5000
# Without the raw replies, which are read by people alone.
_ANSWER_COLUMNS = [
    "question_key",
    "status",
    "mentions",
    "meant",
    "model",
    *(f"{name}_tokens" for name in Usage._fields),
    "usd",
    "attempt_count",
    "scored_at",
]


def ask(asked: pl.DataFrame, prompt: Prompt, *, model: str) -> list[Question]:
    """The question of every row of `to_judge`, in its order; equal words give equal questions.

    It offers what words tell; the row's own products alone where they tell none.
    """
    offers = Offers(prompt.domain)
    questions = []
    for row in asked.iter_rows(named=True):
        parent = row.get("parent_text")
        reasons = zip(row["products"], row.get("reasons") or (), strict=False)
        places = offers.of_text(
            row["text"],
            title=row["context_title"],
            kind=row.get("kind", "comment"),
            community=row["community"],
            parent=parent,
            reviewed=[product_id for product_id, reason in reasons if reason == "subject"],
        )
        questions.append(
            prompt.question(
                row["text"],
                row["context_title"],
                list(places) or row["products"],
                model=model,
                places=places,
                parent=parent,
            )
        )
    return questions


def to_rows(answers: Iterable[Answer]) -> pl.DataFrame:
    """Answers in the contract of silver.extractions."""
    rows = [
        {
            "question_key": answer.question_key,
            "text_key": answer.text_key,
            "status": answer.status,
            "mentions": msgspec.json.encode(answer.mentions).decode(),
            "meant": None if answer.meant is None else msgspec.json.encode(answer.meant).decode(),
            "raw_reply": answer.raw or None,
            "domain": answer.domain,
            "domain_version": answer.domain_version,
            "prompt_version": answer.prompt_version,
            "model": answer.model,
            "served_model": answer.served_model or None,
            "request_id": answer.request_id or None,
            "attempt_count": answer.attempt_count,
            **{f"{name}_tokens": value for name, value in answer.usage._asdict().items()},
            "usd": answer.usd,
            "scored_at": datetime.fromtimestamp(answer.answered_at, UTC),
        }
        for answer in answers
    ]
    return pl.DataFrame(rows, schema=SILVER_EXTRACTIONS.schema)


def read(lake: Lake, keys: Sequence[str]) -> dict[str, Answer]:
    """Return the ledger's answers to these keys, the newest of each."""
    found: dict[str, Answer] = {}
    for at in range(0, len(keys), _KEYS_AT_ONCE):
        asked = {"question_key": keys[at : at + _KEYS_AT_ONCE]}
        rows = lake.read(SILVER_EXTRACTIONS, asked, columns=_ANSWER_COLUMNS)
        found |= _from_rows(rows)
    return found


def _from_rows(rows: pl.DataFrame) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for row in rows.sort("scored_at").iter_rows(named=True):
        usage = Usage(*(row[f"{name}_tokens"] for name in Usage._fields))
        mentions = msgspec.json.decode(row["mentions"], type=list[Mention])
        answer = Answer(
            row["question_key"],
            row["status"],
            mentions,
            row["model"],
            usage,
            row["usd"],
            row["attempt_count"],
            row["scored_at"].timestamp(),
            meant=row["meant"] and msgspec.json.decode(row["meant"], type=list[Meant]),
        )
        found[answer.question_key] = answer
    return found


def judge(
    asked: pl.DataFrame, questions: list[Question], answers: dict[str, Answer], domain: Domain
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judgements for `opinions.accept`, and a rejection of every row whose question was given up.

    A question that was not asked yet gives neither. Words that do not stand in the text are left
    to `accept` to refuse.
    """
    judged, refused = [], []
    for row, question in zip(asked.iter_rows(named=True), questions, strict=True):
        answer = answers.get(question.key)
        if answer is None:
            continue
        if answer.status != OK:
            refused.append(
                {
                    **row,
                    "reason": answer.status,
                    "detail": (
                        f"given up after {answer.attempt_count} requests, question {question.key}"
                    ),
                }
            )
        judged += [_judgement(row["row"], row["text"], mention) for mention in answer.mentions]
    rejections = pl.DataFrame(
        refused, schema={**asked.schema, "reason": pl.String, "detail": pl.String}
    ).with_columns(
        stage=pl.lit("opinions"),
        domain=pl.lit(domain.name),
        landing_uri=pl.lit(None, pl.String),
        landing_line=pl.lit(None, pl.Int64),
    )
    return pl.DataFrame(judged, schema=JUDGEMENT_SCHEMA, orient="row"), rejections.select(
        *OPS_REJECTIONS.schema
    )


def answered(
    asked: pl.DataFrame, questions: list[Question], answers: dict[str, Answer]
) -> frozenset[int]:
    """Return the numbers of the rows of `to_judge` whose question has an answer that holds."""
    return frozenset(
        row
        for row, question in zip(asked["row"].to_list(), questions, strict=True)
        if question.key in answers and answers[question.key].status == OK
    )


def _judgement(row: int, text: str, mention: Mention) -> tuple[object, ...]:
    place = find_evidence(text, mention.evidence)
    start, end = place or (0, 0)
    polarity = 0.0 if mention.label in {"neutral", "mixed"} else mention.score
    return (
        row,
        mention.product_id,
        mention.aspect,
        polarity,
        None,
        start,
        end,
        text[start:end],
        doubt(mention),
    )
