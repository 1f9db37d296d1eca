"""Token rewards, returns and advantages of responses that a policy sampled."""
