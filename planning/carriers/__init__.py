"""Who carries a shipment: how sure a carrier is on a lane, what its card asks, and what is left to choose."""
