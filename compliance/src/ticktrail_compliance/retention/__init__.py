"""Destroy what the firm's policy says is due, and nothing that a rule or a hold keeps; then give its room back."""
