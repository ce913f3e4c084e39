"""HOW IT FARES: what is stale and why. Pure; what was recorded is passed in."""
