"""What customers are told of their shipments: each milestone once, and again only when that was wrong."""
