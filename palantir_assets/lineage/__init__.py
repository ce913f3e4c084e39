"""WHERE A COLUMN COMES FROM, and whether a text still says the same. Pure functions over SQL text."""
