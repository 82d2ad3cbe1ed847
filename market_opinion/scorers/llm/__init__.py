"""Judgements from a language model behind any OpenAI-compatible server: never paid for twice, never trusted unchecked.

`prompt` is what is asked and what a reply must be, `model` where and how, `pacer` when a request may go, `engine` what becomes of
each of them, `batch` the slow and cheap way, `journal` what survives a crash, `ledger` what is never asked again, `prices` what it
costs. `model`, `engine` and `batch` are the only users of the openai package.
"""
