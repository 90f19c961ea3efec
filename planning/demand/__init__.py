"""What is asked for of each product at each site, and what will be."""
