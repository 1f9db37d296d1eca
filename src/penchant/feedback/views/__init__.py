"""Views: which sequences a record, a step or a named source supplies under the name that an objective asks for."""

from penchant.feedback.views.view import register_view, view_names

__all__ = ["register_view", "view_names"]
