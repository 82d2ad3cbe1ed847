"""Stores of data: landing zone, lake, state and export; and the formats of landed lines.

Reading order: `line_format` and `format_reference` for the lines, `landing`, `certificate`, `lake`,
`state`, `export`.
"""
