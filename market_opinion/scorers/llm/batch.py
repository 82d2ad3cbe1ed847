"""The same questions through a provider's Batch API, at half the price and hours later.

A batch that a crash left behind is found again. Its files hold people's words, so they are deleted
at the provider once it is read, or by the next run.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import openai
from openai import AzureOpenAI, OpenAI

from market_opinion.core.errors import ModelRefused
from market_opinion.scorers.llm.bundle import Totals
from market_opinion.scorers.llm.engine import Engine
from market_opinion.scorers.llm.model import Model, bundles, request_body, usage_of
from market_opinion.scorers.llm.prompt import Answer, Prompt, Question, text_key
from market_opinion.scorers.llm.reply import ReplyInvalid

SHARE_OF_PRICE = 0.5
_OVER = {"completed", "failed", "expired", "cancelled"}
# Published limits are 50,000 requests and 100 MB a file.
_REQUESTS_MAX = 20_000
_BEAT_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Notes(Protocol):
    """A memory of pending batches: a value a name."""

    def load(self) -> Mapping[str, Any]:
        """Return all of them."""

    def keep(self, name: str, value: Any) -> None:  # noqa: ANN401, any JSON
        """One more."""

    def drop(self, name: str) -> None:
        """One less."""


class BatchRun:
    """A caller that submits questions as batches and waits for them.

    Each batch is noted before anything of it is uploaded, and forgotten once its files are deleted.
    """

    def __init__(
        self,
        model: Model,
        prompt: Prompt,
        notes: Notes,
        *,
        poll_seconds: float = 30.0,
        on_beat: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask nothing yet; `on_beat` is called every few seconds of waiting."""
        self._model = model
        self._prompt = prompt
        self._notes = notes
        self._poll_seconds = poll_seconds
        self._on_beat = on_beat
        shared: dict[str, Any] = {
            "api_key": model.api_key.get_secret_value(),
            "timeout": model.timeout_seconds,
        }
        if model.azure_api_version:
            self._client: OpenAI = AzureOpenAI(
                azure_endpoint=model.base_url or "", api_version=model.azure_api_version, **shared
            )
        else:
            self._client = OpenAI(base_url=model.base_url, **shared)
        self.totals = Totals(usd=0.0 if model.price else None)

    def expect(self, questions: list[Question]) -> float:
        """Return about what these would cost in USD; 0 where the price is not known."""
        return (Engine(self._model, self._prompt).expect(questions).usd or 0.0) * SHARE_OF_PRICE

    def resume(self, on_answers: Callable[[list[Answer]], None]) -> None:
        """Wait for the batches of earlier runs with these questions, and hand out their answers.

        Files that an earlier run did not come to delete are deleted.
        """
        for name, note in self._notes.load().items():
            if not self._place.items() <= note.items():
                continue
            if "file_ids" in note:
                self._delete(name, note["file_ids"])
            elif batch_id := note["batch_id"] or self._find(name):
                self._collect(name, {**note, "batch_id": batch_id}, on_answers)
            else:
                self._delete(name, self._uploads(name))

    def run(
        self, questions: Iterable[Question], *, on_answers: Callable[[list[Answer]], None]
    ) -> None:
        """Submit the questions and wait.

        Questions that come back unanswered or unreadable are left for the engine.
        """
        groups = list(bundles(questions, self._model.items_a_request))
        for at in range(0, len(groups), _REQUESTS_MAX):
            part = groups[at : at + _REQUESTS_MAX]
            keys = [[question.key for question in group] for group in part]
            name = hashlib.blake2b(json.dumps(keys).encode(), digest_size=12).hexdigest()
            texts = [[text_key(each.text, each.context) for each in group] for group in part]
            note = {"batch_id": None, "keys": keys, "text_keys": texts, **self._place}
            self._notes.keep(name, note)
            try:
                note["batch_id"] = self._find(name) or self._submit(name, part)
            except openai.APIStatusError as error:
                message = (
                    f"the batch API refuses with {error.status_code}:"
                    f" {self._model.name} may not have one; set LLM_MODE=online"
                )
                raise ModelRefused(message) from error
            self._notes.keep(name, note)
            self._collect(name, note, on_answers)

    @property
    def _place(self) -> dict[str, str | None]:
        """The model and the prompt that a batch belongs to."""
        return {
            "model": self._model.name,
            "base_url": self._model.base_url,
            "prompt_version": self._prompt.version,
        }

    def _find(self, name: str) -> str | None:
        """The batch of these very questions that was submitted just before a crash.

        One whose files are deleted was read before.
        """
        of_work = [
            batch
            for batch in self._client.batches.list(limit=100).data
            if (batch.metadata or {}).get("work") == name
            and batch.status not in {"failed", "expired", "cancelled"}
        ]
        uploads = set(self._uploads(name)) if of_work else set()
        return next((batch.id for batch in of_work if batch.input_file_id in uploads), None)

    def _uploads(self, name: str) -> list[str]:
        """The ids of the files of questions that were uploaded under this name."""
        files = self._client.files.list(purpose="batch")
        return [file.id for file in files if file.filename == f"{name}.jsonl"]

    def _submit(self, name: str, groups: list[list[Question]]) -> str:
        lines = [
            {
                "custom_id": str(number),
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": request_body(self._model, self._prompt, group, form=self._model.form),
            }
            for number, group in enumerate(groups)
        ]
        content = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
        file = self._client.files.create(file=(f"{name}.jsonl", content), purpose="batch")
        batch = self._client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"work": name},
        )
        return batch.id

    def _collect(
        self, name: str, note: Mapping[str, Any], on_answers: Callable[[list[Answer]], None]
    ) -> None:
        """Wait for a batch, hand out what it answered, and delete its files."""
        while (batch := self._client.batches.retrieve(note["batch_id"])).status not in _OVER:
            self._wait()
        if batch.output_file_id:
            for line in self._client.files.content(batch.output_file_id).text.splitlines():
                if line.strip():
                    on_answers(self._answers(json.loads(line), note))
        file_ids = [batch.input_file_id, batch.output_file_id, batch.error_file_id]
        present = [file_id for file_id in file_ids if file_id]
        self._notes.keep(name, {**note, "file_ids": present})
        self._delete(name, present)

    def _delete(self, name: str, file_ids: Iterable[str]) -> None:
        """Delete a batch's files at the provider, and forget the batch where none is left."""
        for file_id in file_ids:
            try:
                self._client.files.delete(file_id)
            except openai.NotFoundError:
                continue
            except (openai.APIStatusError, openai.APIConnectionError) as error:
                _log.warning(
                    "file %s of a batch was not deleted at the provider (%s): the next run tries"
                    " again",
                    file_id,
                    type(error).__name__,
                )
                return
        self._notes.drop(name)

    def _wait(self) -> None:
        """Wait until the batch is looked at again."""
        until = time.monotonic() + self._poll_seconds
        while (left := until - time.monotonic()) > 0:
            self._on_beat()
            time.sleep(min(left, _BEAT_SECONDS))

    def _answers(self, line: dict[str, Any], note: Mapping[str, Any]) -> list[Answer]:
        """The answers of one line of a batch's output; none where it cannot be read."""
        number, body = int(line["custom_id"]), (line.get("response") or {}).get("body") or {}
        group, texts = note["keys"][number], note["text_keys"][number]
        usage = usage_of(body.get("usage"))
        self.totals.request_count += 1
        self.totals.usage = self.totals.usage.plus(usage)
        usd = self._model.price.usd(usage) * SHARE_OF_PRICE if self._model.price else None
        if usd is not None and self.totals.usd is not None:
            self.totals.usd += usd
        try:
            content = body["choices"][0]["message"]["content"] or ""
            reply = self._prompt.parse(content, len(group))
        except (ReplyInvalid, KeyError, IndexError, TypeError):
            return []
        portion, cost = usage.share(len(group)), usd / len(group) if usd is not None else None
        self.totals.kept_count += len(reply.mentions)
        served = {"served_model": body.get("model", ""), "request_id": body.get("id", "")}
        return [
            Answer(
                group[place],
                "ok",
                mentions,
                self._model.name,
                portion,
                cost,
                1,
                time.time(),
                meant=reply.meant.get(place),
                **served,
                **self._prompt.origin(texts[place]),
            )
            for place, mentions in sorted(reply.mentions.items())
        ]
