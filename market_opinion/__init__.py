"""What the platform knows, apart from the orchestrator: nothing here imports Prefect.

Reading order: `window` and `errors` for the words, `domain` and `contracts` for the shapes, then the stages in the order
an item passes through them: `sources`, `landing`, `bronze`, `silver`, `mentions`, `opinions`, `mart`, `report`.
"""
