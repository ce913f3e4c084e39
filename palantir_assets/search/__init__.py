"""Station 5, pure: what things say.

`documents` renders the text an object is found by, `encoding` turns text into vectors, `keywords`
into words, `retrieval` asks both and fuses the answers. `exporting` makes the encoder that a release
carries. The indexes themselves lie in `stores`; which documents are made, and when, is decided in
`assets`.
"""
