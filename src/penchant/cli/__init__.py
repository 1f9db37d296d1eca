"""The command line: one file per command, assembled in :mod:`penchant.cli.app`."""
