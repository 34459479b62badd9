"""The pages of journeys and of the customers in them."""
