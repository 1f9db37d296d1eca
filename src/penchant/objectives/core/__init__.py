"""What every objective is made of: the base class, what it sees, what it asks for, and how objectives compose."""
