"""Judgements of a language model: never paid for twice, never trusted unchecked.

`prompt` holds the question and the form of its reply, `offers` the products that it names, `meant`
the mentions that an answer makes, `model` the server, `pacer` the rate of requests, `engine` the
fate of each request, `batch` the slow and cheap way, `journal` the answers that survive a crash,
`ledger` the questions that are never asked again, `prices` their cost.
`model`, `engine` and `batch` are the only users of the openai package.
"""
