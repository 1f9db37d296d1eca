"""What is read from the inside of a model besides its likelihoods: activations, routers, gradients."""
