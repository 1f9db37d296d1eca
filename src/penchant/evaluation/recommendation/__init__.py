"""Metrics of recommended lists: relevance, individual fairness of items, and the distance to their Pareto frontier."""
