"""Station 4, pure: how things hang together.

`ordering` and `building` make and keep the arrays that hold links. `networks` joins several into one graph,
`walks` is what can be asked of it, `searches` what a search must answer, whoever searches: `native`, over the
compiled loops of `kernels`, `weighing` and `marking`, or `plain`. `measures` computes what is declared on a projection
(`edges`), `analysis` is the analyst's door to networkx, `export` the one for other programs, `drawing` makes the
picture that the asset shows. Which graph is built, and when, is decided in `assets`; who may walk it, in `engine`.
"""
