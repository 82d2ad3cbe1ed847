"""The landing zone: raw lines as received, in one folder a window.

A folder is believed only through its manifest, which is written last. `origin` describes a reading,
`manifest` a capture, `zone` reads and rewrites captures, `writer` lands the items of a source,
`redaction` takes words and names out.
"""
