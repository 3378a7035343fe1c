"""Ways to a person: each sink takes messages and says in its own words what came back."""
