"""Pure functions of a window: bronze, silver, mentions, opinions, gold and erasure."""
