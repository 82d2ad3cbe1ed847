"""A model: its server, how it is asked, and what the server says of tokens and of waiting."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import openai
from openai import AsyncAzureOpenAI, AsyncOpenAI
from pydantic import SecretStr

from market_opinion.core.errors import SettingsInvalid
from market_opinion.core.settings import Settings
from market_opinion.scorers.llm.prices import Price, Usage, load_price
from market_opinion.scorers.llm.prompt import Prompt, Question

# How the form of the reply is asked for, from the strictest; not every server knows every one.
ReplyFormat = Literal["json_schema", "json_object", "prompt"]
FORMS: tuple[ReplyFormat, ...] = get_args(ReplyFormat)
OUTPUT_TOKENS_AN_ITEM = 120
OPENAI = "https://api.openai.com/v1"
_OUTPUT_TOKENS_MIN = 1024


@dataclass(frozen=True)
class Model:
    """The place of a model, and how it is asked."""

    name: str
    base_url: str | None
    api_key: SecretStr
    azure_api_version: str | None = None
    timeout_seconds: float = 60.0
    deadline_seconds: float = 600.0
    items_a_request: int = 8
    max_in_flight: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    price: Price | None = None
    form: ReplyFormat = FORMS[0]

    def client(self) -> AsyncOpenAI:
        """The client of OpenAI, Azure or any compatible server, without retries of its own."""
        shared: dict[str, Any] = {
            "api_key": self.api_key.get_secret_value(),
            "timeout": self.timeout_seconds,
            "max_retries": 0,
        }
        if self.azure_api_version:
            return AsyncAzureOpenAI(
                azure_endpoint=self.base_url or "", api_version=self.azure_api_version, **shared
            )
        return AsyncOpenAI(base_url=self.base_url, **shared)


def open_model(settings: Settings) -> Model:
    """Return the configured model.

    Raises SettingsInvalid for a setting that is missing, or a budget without a price.
    """
    llm = settings.llm
    needs = {"LLM_API_KEY": llm.api_key, "LLM_MODEL": llm.model}
    if llm.api_key is None or not llm.api_key.get_secret_value() or not llm.model:
        missing = [name for name, value in needs.items() if not value]
        message = f"SCORER=llm needs {' and '.join(missing)}"
        raise SettingsInvalid(message)
    _check_host(settings)
    price = load_price(llm.model, llm.prices)
    if price is None and llm.has_budget:
        message = (
            f"a budget cannot be kept for {llm.model}, whose price is not known:"
            " name it in a file and set LLM_PRICES"
        )
        raise SettingsInvalid(message)
    return Model(
        name=llm.model,
        base_url=llm.base_url,
        api_key=llm.api_key,
        azure_api_version=llm.azure_api_version,
        timeout_seconds=llm.timeout_seconds,
        items_a_request=llm.items_per_request,
        max_in_flight=llm.max_in_flight,
        requests_per_minute=llm.requests_per_minute,
        tokens_per_minute=llm.tokens_per_minute,
        price=price,
    )


def _check_host(settings: Settings) -> None:
    host = urlsplit(settings.llm.base_url or OPENAI).hostname or ""
    allowed = {name.strip() for name in (settings.llm.allowed_hosts or host).split(",")}
    if host not in allowed:
        message = (
            f"LLM_BASE_URL leads to {host or 'nowhere'}, which LLM_ALLOWED_HOSTS does not allow:"
            f" {', '.join(sorted(allowed))}"
        )
        raise SettingsInvalid(message)


def bundles(questions: Iterable[Question], size: int) -> Iterator[list[Question]]:
    """Yield questions that share a request, in their order.

    A question that may speak to the model is asked alone.
    """
    waiting: list[Question] = []
    for question in questions:
        if question.is_alone:
            yield [question]
            continue
        waiting.append(question)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def output_tokens_max(count: int, *, factor: int = 1) -> int:
    """Return the most tokens that a reply to so many questions may have."""
    return max(_OUTPUT_TOKENS_MIN, 2 * OUTPUT_TOKENS_AN_ITEM * count) * factor


def request_body(
    model: Model,
    prompt: Prompt,
    questions: list[Question],
    *,
    form: ReplyFormat = "json_schema",
    factor: int = 1,
) -> dict[str, Any]:
    """Return the body of a request; `factor` gives more room to a reply that was cut."""
    body: dict[str, Any] = {
        "model": model.name,
        "messages": prompt.messages(questions),
        "max_completion_tokens": output_tokens_max(len(questions), factor=factor),
    }
    if form == "json_schema":
        named = {"name": "reply", "strict": True, "schema": prompt.schema}
        return {**body, "response_format": {"type": "json_schema", "json_schema": named}}
    return {**body, "response_format": {"type": "json_object"}} if form == "json_object" else body


def usage_of(usage: Mapping[str, Any] | None) -> Usage:
    """Tokens as a server counts them, whatever it leaves out."""
    usage = usage or {}
    prompt, output = (
        usage.get("prompt_tokens_details") or {},
        usage.get("completion_tokens_details") or {},
    )
    return Usage(
        input=usage.get("prompt_tokens") or 0,
        cached=prompt.get("cached_tokens") or 0,
        cache_write=prompt.get("cache_write_tokens") or 0,
        output=usage.get("completion_tokens") or 0,
        reasoning=output.get("reasoning_tokens") or 0,
    )


def retry_after(error: openai.APIStatusError) -> float:
    """Seconds the server asks to wait; 0 where it does not say."""
    headers = error.response.headers
    if milliseconds := headers.get("retry-after-ms"):
        return float(milliseconds) / 1000
    text = headers.get("retry-after", "")
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0.0
