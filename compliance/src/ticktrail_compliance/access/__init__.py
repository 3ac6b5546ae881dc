"""Hold who may do what with the log: roles, and what each may do."""
