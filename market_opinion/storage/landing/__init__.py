"""The landing zone: raw lines as received, in one folder a window.

A folder counts only with a manifest, which is written last. `origin` describes a reading,
`manifest` a capture; `zone` reads and rewrites captures, `writer` lands the items of a source,
`redaction` removes words and names, `damaged` also where a manifest cannot be read.
"""
