"""What is asked of the venue by REST, and how much may be."""
