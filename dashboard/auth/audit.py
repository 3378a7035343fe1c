"""The audit trail of the dashboard: the one log that every part appends to (`shared.audit_log`)."""

from shared.audit_log import Audit

__all__ = ["Audit"]
