"""Run by alembic for each migration.

Owns: the call that alembic wants to find here.
Never: connects (`migrating` does).
"""

from ticktrail_compliance.store.migrating import run_in_context

run_in_context()
