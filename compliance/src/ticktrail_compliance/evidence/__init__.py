"""Pack the evidence of a period: one signed folder for an examiner, drawn from the log alone."""
