"""Commands that measure: evaluation, leaderboards, agreement, what data reward."""
