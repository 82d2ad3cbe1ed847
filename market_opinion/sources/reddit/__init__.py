"""Reddit, read live through PRAW.

`profile` is what is known without the client, `client` makes one, `listings` reads pages, `visits`
lands what they show, `ingestion` has the names of the ingestion contract.
"""
