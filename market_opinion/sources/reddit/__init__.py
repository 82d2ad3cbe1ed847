"""Reddit, read live through PRAW.

Reading order: `profile` for the facts that need no client, `client` for PRAW and its errors,
`listings` for pages of items, `items` for their lines, `visits` for landing them, and `ingestion`
for the class and method names of the ingestion contract.
"""
