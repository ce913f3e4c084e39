"""What is asked: filters (`where`), typed values (`values`), page tokens (`tokens`), and the plan (`plans`)."""
