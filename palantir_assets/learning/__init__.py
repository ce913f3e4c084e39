"""Station 6, what things will do: from a table of features to scores that say how good they are.

`features` turns columns into numbers, `estimators` learn, `training` compares them with the constant on later
rows, `cards` and `drawing` tell people about it. All of it is pure compute over one Arrow table: where the table
comes from is decided in `assets`, where a run is recorded in `stores.experiments`, what may be a feature at all in
`ontology.leaks`.
"""
