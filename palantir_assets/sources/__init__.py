"""WHERE DATA COMES FROM: bytes are fetched and kept, read as records, and loaded as raw tables."""
