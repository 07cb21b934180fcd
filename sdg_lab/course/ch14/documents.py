"""What the teacher of chapter 14 is asked about: short documents in plain words."""

PASSAGES = (
    "The lighthouse of Aldersand was built in 1871 by the engineer Ruth Calloway. It is 34 metres high, and "
    "its lamp can be seen from Port Merrow. A museum opened in it in 1990.",
    "The village of Tarnfell lies in a valley between two lakes. Its people keep sheep and sell cheese at the "
    "market of Brisk Bridge every Friday. The school has 40 children.",
    "The blue finch of Lomba eats seeds and small snails. It builds its nest in old walls and lays four eggs "
    "in April. The young birds can fly after three weeks.",
    "The painter Idris Vane was born in Cairnholm in 1902. He painted boats and harbours, and taught at the "
    "school of arts for twenty years. His best known picture hangs in the town hall.",
    "The Marl railway runs from Easton to the copper mine at Grey Hill. The journey takes 50 minutes. The line"
    " was closed in 1964 because a flood had destroyed the bridge.",
    "Dr Helen Okoro found a new kind of moss on the island of Senn. The moss grows only on black stones and "
    "needs no soil. She named it after her daughter Clara.",
    "The bakery in Mill Street opens at six in the morning. Mr Bruno bakes rye bread on Mondays and plum cake "
    "on Saturdays. His oven was built by his grandfather.",
    "The river Olm rises in the White Mountains and flows into the Bay of Tides. It is 210 kilometres long. In"
    " spring it floods the meadows near Farrow.",
)
"""Passages about what does not exist, in plain words: nothing in them can be known without them."""
