"""Prove things of an audit log to somebody who trusts neither its database nor its keeper."""
