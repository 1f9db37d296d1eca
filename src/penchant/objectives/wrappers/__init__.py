"""Objectives around another objective."""
