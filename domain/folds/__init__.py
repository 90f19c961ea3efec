"""Folds over columns of many entities: tables of carries, and the segmented scan that every rule stands on. Pure."""
