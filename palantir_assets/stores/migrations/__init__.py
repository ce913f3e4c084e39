"""How the ledger's schema came about, as Alembic revisions, and how an open ledger is brought up to date."""
