"""Judgements from a language model behind any OpenAI-compatible server: never paid for twice, never trusted unchecked.

`prompt` is what is asked and what a reply must be, `pacer` when a request may go, `engine` what becomes of each of them,
`journal` what survives a crash, `prices` what it costs. `engine` is the only user of the openai package.
"""
