"""Reports from the audit log: what a supervisor or an examiner asks for."""
