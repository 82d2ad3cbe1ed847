"""The whole of an installation in one command: account, secrets, image, server, deployments.

It makes the steps of docs/deploy.md by the commands that stand there. Reading order: `plan`,
`steps`, `checks`, `record`, `secrets`, `image`, `costs`, `shell`.
"""
