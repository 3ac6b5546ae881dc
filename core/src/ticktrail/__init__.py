"""Market data you can prove: pluggable feeds, validation, failover and a sealed audit trail."""
