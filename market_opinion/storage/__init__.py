"""Where data is kept: landing zone, lake, state and export, and how landed lines are read.

Reading order: `line_format` and `format_reference` for the lines, `landing`, `certificate`, `lake`,
`state`, `export`.
"""
