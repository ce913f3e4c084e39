"""What changes: a declared action becomes a verdict, a diff and edits; edits are folded, replayed and reverted. No store, no web."""
