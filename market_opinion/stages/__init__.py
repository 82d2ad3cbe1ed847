"""Pure functions of a window: bronze, silver, mentions, opinions, gold and erasure.

Reading order: `bronze` and `silver` (which uses `cleaning`) for items, `mentions` (which uses
`naming`), `opinions`, `gold`, `quality` for counts, `hours` for a run's hours, `erasure`.
"""
