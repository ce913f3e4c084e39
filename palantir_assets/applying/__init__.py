"""From an action that somebody asks for to one transaction of the ledger: apply, propose, decide, take back, tell."""
