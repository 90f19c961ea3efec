"""EPCIS 2.0 and CBV 2.0: events of who, what, when, where, why and how, as companies exchange them."""
