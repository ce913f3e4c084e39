"""Who may: a caller (`principal`) and what is decided about them (`policy`)."""
