"""What there is to see of the audit log and the firm's programme while a feed runs."""
