"""Words of GS1's Core Business Vocabulary 2.0 that stand bare in an EPCIS document, and their namespaces."""

from __future__ import annotations

ACTIONS = frozenset({"OBSERVE", "ADD", "DELETE"})
BIZ_STEPS = frozenset(
    [
        "accepting", "arriving", "assembling", "collecting", "commissioning", "consigning", "creating_class_instance",
        "cycle_counting", "decommissioning", "departing", "destroying", "disassembling", "dispensing", "encoding",
        "entering_exiting", "holding", "inspecting", "installing", "killing", "loading", "other", "packing", "picking",
        "receiving", "removing", "repackaging", "repairing", "replacing", "reserving", "retail_selling", "sampling",
        "sensor_reporting", "shipping", "staging_outbound", "stock_taking", "stocking", "storing", "transporting",
        "unloading", "unpacking", "void_shipping",
    ]
)  # fmt: skip
DISPOSITIONS = frozenset(
    [
        "active", "available", "completeness_inferred", "completeness_verified", "conformant", "container_closed",
        "container_open", "damaged", "destroyed", "dispensed", "disposed", "encoded", "expired", "in_progress",
        "in_transit", "inactive", "mismatch_class", "mismatch_instance", "mismatch_quantity", "needs_replacement",
        "no_pedigree_match", "non_conformant", "non_sellable_other", "partially_dispensed", "recalled", "reserved",
        "retail_sold", "returned", "sellable_accessible", "sellable_not_accessible", "stolen", "unavailable", "unknown",
    ]
)  # fmt: skip
TRANSACTIONS = frozenset(
    [
        "bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma", "testprd", "testres",
        "upevt",
    ]
)  # fmt: skip
PARTIES = frozenset({"owning_party", "possessing_party", "location"})
REASONS = frozenset({"did_not_occur", "incorrect_data"})
ALERTS = frozenset({"ALARM_CONDITION", "ERROR_CONDITION"})
MEASUREMENTS = frozenset(
    [
        "AbsoluteHumidity", "AbsorbedDose", "AbsorbedDoseRate", "Acceleration", "Altitude", "AmountOfSubstance",
        "AmountOfSubstancePerUnitVolume", "Angle", "AngularAcceleration", "AngularMomentum", "AngularVelocity", "Area",
        "Capacitance", "Conductance", "Conductivity", "Count", "Density", "Dimensionless", "DoseEquivalent",
        "DoseEquivalentRate", "DynamicViscosity", "ElectricCharge", "ElectricCurrent", "ElectricCurrentDensity",
        "ElectricFieldStrength", "Energy", "Exposure", "Force", "Frequency", "Illuminance", "Inductance", "Irradiance",
        "KinematicViscosity", "Length", "LinearMomentum", "Luminance", "LuminousFlux", "LuminousIntensity",
        "MagneticFlux", "MagneticFluxDensity", "MagneticVectorPotential", "Mass", "MassConcentration", "MassFlowRate",
        "MassPerAreaTime", "MemoryCapacity", "MolalityOfSolute", "MolarEnergy", "MolarMass", "MolarVolume", "Power",
        "Pressure", "RadiantFlux", "RadiantIntensity", "Radioactivity", "RelativeHumidity", "Resistance", "Resistivity",
        "SolidAngle", "SpecificVolume", "Speed", "SurfaceDensity", "SurfaceTension", "Temperature", "Time", "Torque",
        "Voltage", "Volume", "VolumeFlowRate", "VolumeFraction", "VolumetricFlux", "Wavenumber",
    ]
)  # fmt: skip
COMPONENTS = frozenset(
    [
        "x", "y", "z", "axial_distance", "azimuth", "height", "spherical_radius", "polar_angle", "elevation_angle",
        "easting", "northing", "latitude", "longitude", "altitude",
    ]
)  # fmt: skip

CBV = "https://ref.gs1.org/cbv/"
VOC = "https://gs1.org/voc/"
CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NAMESPACES = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": CBV,
    "gs1": VOC,
    "cbvmda": "urn:epcglobal:cbv:mda",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
    "schema": "http://schema.org/",
}
"""Prefixes that a document may use without saying what they stand for."""
OLD_NAMES = {
    "urn:epcglobal:cbv:bizstep:": f"{CBV}BizStep-",
    "urn:epcglobal:cbv:disp:": f"{CBV}Disp-",
    "urn:epcglobal:cbv:btt:": f"{CBV}BTT-",
    "urn:epcglobal:cbv:sdt:": f"{CBV}SDT-",
    "urn:epcglobal:cbv:er:": f"{CBV}ER-",
}
"""How CBV 1 wrote what CBV 2 writes as web addresses."""
KINDS = {
    "bizStep": (BIZ_STEPS, "BizStep-"),
    "disposition": (DISPOSITIONS, "Disp-"),
    "bizTransaction": (TRANSACTIONS, "BTT-"),
    "party": (PARTIES, "SDT-"),
    "reason": (REASONS, "ER-"),
    "component": (COMPONENTS, "Comp-"),
}
"""Bare words by where they stand, and what goes before them as a web address in `CBV`."""


def full(kind: str, word: str) -> str:
    """A bare or old word as its web address; others as they are.

    >>> full("bizStep", "shipping"), full("disposition", "urn:epcglobal:cbv:disp:in_transit")
    ('https://ref.gs1.org/cbv/BizStep-shipping', 'https://ref.gs1.org/cbv/Disp-in_transit')
    """
    words, start = KINDS[kind]
    if word in words:
        return f"{CBV}{start}{word}"
    return next((new + word[len(old) :] for old, new in OLD_NAMES.items() if word.startswith(old)), word)


def bare(kind: str, word: str) -> str:
    """The bare word of a web address, an old name or a bare word; others as they are.

    >>> bare("bizStep", "https://ref.gs1.org/cbv/BizStep-shipping"), bare("bizStep", "https://example.com/steps/washing")
    ('shipping', 'https://example.com/steps/washing')
    """
    start = CBV + KINDS[kind][1]
    for short in ("cbv:", "https://ns.gs1.org/cbv/"):
        word = CBV + word.removeprefix(short) if word.startswith(short) else word
    address = full(kind, word)
    return address[len(start) :] if address.startswith(start) else word
