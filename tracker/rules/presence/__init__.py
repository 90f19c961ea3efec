"""Presence of tags: from reads that miss and mislead to chances of being in a zone, and levels with their chance.

| part | says |
|---|---|
| `awake` | when the readers of a zone were listening |
| `knowledge` | what is believed of readers and tags before they are heard |
| `beliefs` | where each tag is: the filter |
| `levels` | how many are there, and how sure that is |

docs/presence.md says how it decides, with figures.
"""
