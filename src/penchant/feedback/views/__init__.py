"""Views: the (prompt, response) sequences that a record, a step or a named source supplies to an objective."""

from penchant.feedback.views.view import register_view, view_names

__all__ = ["register_view", "view_names"]
