"""Where things are kept: landing zone, lake, state and export; how landed lines are read, and what they certify."""
