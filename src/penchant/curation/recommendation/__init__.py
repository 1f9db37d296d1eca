"""From interactions of users to the files and the model of a recommender."""
