"""THE HANDS: disks and services. What is done with them is decided above."""
