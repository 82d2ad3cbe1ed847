"""A model's server on loopback that answers each request by a function of its body."""

import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

from tests.loopback import Loopback, QuietHandler

KEY = "sk-of-a-test-that-no-log-may-hold"
Reply = tuple[int, dict[str, str], Any]


def comments_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the comments of a request, as a model reads them."""
    return json.loads(
        body["messages"][1]["content"].removeprefix("<comments>\n").removesuffix("\n</comments>")
    )


def completion(
    content: str | None,
    *,
    finish: str = "stop",
    refusal: str | None = None,
    tokens: tuple[int, int] = (1000, 100),
) -> Reply:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {
        "prompt_tokens": tokens[0],
        "completion_tokens": tokens[1],
        "total_tokens": sum(tokens),
    }
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return (
        200,
        {},
        {
            "id": "r",
            "object": "chat.completion",
            "created": 0,
            "model": "model-2026",
            "choices": [choice],
            "usage": usage,
        },
    )


def error(status: int, code: str, message: str = "no") -> Reply:
    return status, {}, {"error": {"message": message, "type": "error", "code": code, "param": None}}


def judged(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a sensible answer: the first three words are evidence of a good battery."""
    return [
        {
            "id": comment["id"],
            "mentions": [
                {
                    "product_id": comment["products"][0].partition(":")[0],
                    "aspect": "battery",
                    "label": "positive",
                    "score": 0.7,
                    "evidence": " ".join(comment["text"].split()[:3]),
                }
            ],
        }
        for comment in comments_of(body)
    ]


def sensible(body: dict[str, Any]) -> Reply:
    return completion(json.dumps({"items": judged(body)}))


class ModelServer(Loopback):
    """`with` it; `answer` may be changed at any time, `bodies`, `paths` and `raw` are what came."""

    def __init__(self, answer: Callable[[dict[str, Any]], Reply] = sensible) -> None:
        super().__init__(self._handler())
        self.url = f"{self.address}/v1"
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.files: dict[str, bytes] = {}
        self.names: dict[str, str] = {}
        self.keeps_files = False
        self._numbers = itertools.count()
        self.batches: dict[str, dict[str, Any]] = {}
        self.polls_until_done = 1
        self._lock = threading.Lock()

    def batch_api(self, method: str, path: str, raw: bytes) -> Reply:
        """Answer for files and batches as OpenAI does; a batch is done after a few looks."""
        parts = path.partition("?")[0].split("/v1/")[1].split("/")
        if parts[0] == "files" and method == "POST":
            content = (
                raw.partition(b'name="file"')[2].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
            )
            name = f"file-{next(self._numbers)}"
            self.files[name] = content
            self.names[name] = raw.partition(b'filename="')[2].partition(b'"')[0].decode()
            return (
                200,
                {},
                self._file(name),
            )
        if parts[0] == "files" and len(parts) == 1:
            files = [self._file(name) for name in self.files]
            return 200, {}, {"object": "list", "data": files, "has_more": False}
        if parts[0] == "files" and parts[1] not in self.files:
            return error(404, "not_found")
        if parts[0] == "files" and method == "DELETE":
            if self.keeps_files:
                return error(400, "cannot_delete")
            del self.files[parts[1]]
            return 200, {}, {"id": parts[1], "object": "file", "deleted": True}
        if parts[0] == "files":
            return 200, {}, self.files[parts[1]]
        if method == "POST":
            asked = json.loads(raw)
            known = {
                "object": "batch",
                "created_at": 0,
                "endpoint": asked["endpoint"],
                "completion_window": "24h",
                "polls": 0,
            }
            name = f"batch-{len(self.batches)}"
            self.batches[name] = {"id": name, "status": "in_progress", **known, **asked}
            return 200, {}, self.batches[name]
        if len(parts) == 1:
            return (
                200,
                {},
                {"object": "list", "data": list(self.batches.values()), "has_more": False},
            )
        batch = self.batches[parts[1]]
        batch["polls"] += 1
        if batch["polls"] > self.polls_until_done and batch["status"] == "in_progress":
            lines = []
            for line in self.files[batch["input_file_id"]].splitlines():
                asked = json.loads(line)
                self.bodies.append(asked["body"])
                status, _, body = self.answer(asked["body"])
                lines.append(
                    json.dumps(
                        {
                            "custom_id": asked["custom_id"],
                            "response": {"status_code": status, "body": body},
                        }
                    ).encode()
                )
            output = f"{batch['id']}-output"
            self.files[output] = b"\n".join(lines)
            batch |= {"status": "completed", "output_file_id": output}
        return 200, {}, batch

    def _file(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "file",
            "bytes": 1,
            "created_at": 0,
            "filename": self.names.get(name, "output.jsonl"),
            "purpose": "batch",
            "status": "processed",
        }

    def environment(self) -> dict[str, str]:
        """The variables by which a process uses this server."""
        return {
            "SCORER": "llm",
            "LLM_BASE_URL": self.url,
            "LLM_API_KEY": KEY,
            "LLM_MODEL": "gpt-4.1-mini",
        }

    def _handler(self) -> type[QuietHandler]:
        outer = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                raw = self.received()
                with outer._lock:
                    outer.paths.append(self.path)
                    if "/files" in self.path or "/batches" in self.path:
                        status, headers, value = outer.batch_api(self.command, self.path, raw)
                    else:
                        body = json.loads(raw)
                        outer.bodies.append(body)
                        status, headers, value = outer.answer(body)
                if status == 0:
                    self.close_connection = True
                    return
                content = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send(status, content, {"x-request-id": "req-1", **headers})

            do_GET = do_DELETE = do_POST

        return Handler
