"""Rock, paper, scissors, Spock and lizard, thrown in words."""
