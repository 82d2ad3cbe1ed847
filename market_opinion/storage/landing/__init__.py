"""The landing zone: raw lines as received, one folder a window, believed only through its manifest, which is written last.

`manifest` says what a capture is, `zone` reads and rewrites what lies there, `writer` lands what a source pushes.
"""
