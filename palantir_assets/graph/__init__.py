"""Station 4, pure: how things hang together.

`building` makes and keeps the arrays that hold links, `measures` computes what is declared on a
projection, `analysis` is the analyst's door to networkx, `drawing` makes the picture that the asset
shows. Which graph is built, and when, is decided in `assets`; walks under a policy are in `engine`.
"""
