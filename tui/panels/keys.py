"""The keys of the screen and of the app, each with an id for remapping; help, palette and key line come from these."""

from __future__ import annotations

from textual.binding import Binding

SCREEN_KEYS = [
    Binding("d", "destination", "destination", id="lookup.destination", tooltip="type where the packet goes"),
    Binding("n", "step(1)", "next", id="lookup.next", tooltip="next step"),
    Binding("b", "step(-1)", "back", id="lookup.back", tooltip="step before"),
    Binding(
        "less_than_sign", "step_to(0)", "first", show=False, key_display="<", id="lookup.first", tooltip="first step"
    ),
    Binding(
        "greater_than_sign",
        "step_to(-1)",
        "decide",
        key_display=">",
        id="lookup.last",
        tooltip="straight to the decision",
    ),
    Binding("space", "play", "play", show=False, id="lookup.play", tooltip="play or pause"),
    Binding("comma", "speed(-1)", "slower", show=False, key_display=",", id="lookup.slower", tooltip="play slower"),
    Binding("full_stop", "speed(1)", "faster", show=False, key_display=".", id="lookup.faster", tooltip="play faster"),
    Binding("slash", "filter", "filter", key_display="/", id="places.filter", tooltip="filter the places"),
    Binding("1", "panel(1)", "places", show=False, id="panel.places", tooltip="go to the places"),
    Binding("2", "panel(2)", "routes", show=False, id="panel.routes", tooltip="go to the routes"),
    Binding("3", "panel(3)", "lookup", show=False, id="panel.lookup", tooltip="go to the lookup"),
    Binding("4", "panel(4)", "path", show=False, id="panel.path", tooltip="go to the path"),
    Binding("tab", "panel_by(1)", "next panel", show=False, id="panel.next", tooltip="next panel"),
    Binding("shift+tab", "panel_by(-1)", "panel before", show=False, id="panel.before", tooltip="panel before"),
    Binding("plus", "zoom(True)", "zoom", show=False, key_display="+", id="panel.zoom", tooltip="zoom the panel"),
    Binding(
        "underscore", "zoom(False)", "all", show=False, key_display="_", id="panel.all", tooltip="all panels again"
    ),
    Binding("escape", "escape", "back", show=False, id="app.back", tooltip="back"),
]
"""What moves about on the screen and in the lookup."""

APP_KEYS = [
    Binding("g", "gateway", "gateway", id="change.gateway", tooltip="a route more on this node"),
    Binding("c", "connect", "let two talk", show=False, id="change.connect", tooltip="let two containers talk"),
    Binding("x", "delete", "delete", show=False, id="change.delete", tooltip="delete the chosen route"),
    Binding("E", "edit", "edit", show=False, id="change.edit", tooltip="change the chosen route"),
    Binding("o", "forwarding", "forwarding", show=False, id="change.forwarding", tooltip="forwarding on or off"),
    Binding("C", "changes", "changes", show=False, id="change.more", tooltip="networks and containers"),
    Binding("z", "undo", "undo", id="change.undo", tooltip="take the last change back"),
    Binding("Z", "redo", "redo", show=False, id="change.redo", tooltip="make it again"),
    Binding("K", "keep", "keep", id="change.keep", tooltip="keep what is being tried"),
    Binding("w", "what_if", "what-if", show=False, id="change.what_if", tooltip="what-if: apply, drop, list"),
    Binding("at", "log", "log", show=False, key_display="@", id="change.log", tooltip="every command that was run"),
    Binding("p", "probe", "probe", id="probe.probe", tooltip="ping, traceroute, connect, capture"),
    Binding("f", "follow", "follow", id="probe.follow", tooltip="one ping over every interface"),
    Binding("m", "map", "map", id="reach.map", tooltip="networks and nodes, who can talk to whom"),
    Binding("M", "matrix", "matrix", show=False, id="reach.matrix", tooltip="every node to every other"),
    Binding("l", "labs", "labs", id="app.labs", tooltip="labs, the story of this one"),
    Binding(
        "v,left_square_bracket,right_square_bracket",
        "classic",
        "route -n",
        key_display="v",
        id="routes.classic",
        tooltip="as ip route or route -n",
    ),
    Binding("t", "next_table", "table", id="routes.table", tooltip="next routing table"),
    Binding("6", "family", "IPv6", id="routes.family", tooltip="IPv4 or IPv6"),
    Binding("r", "refresh", "refresh", show=False, id="app.refresh", tooltip="read everything again"),
    Binding("y", "copy", "copy", show=False, id="app.copy", tooltip="copy the ip route get of it"),
    Binding("e", "export", "export", show=False, id="app.export", tooltip="save it as text"),
    Binding("s", "picture", "picture", show=False, id="app.picture", tooltip="save it as a picture"),
    Binding("T", "light", "light", show=False, id="app.light", tooltip="light or dark colours"),
    Binding(
        "colon", "command_palette", "palette", show=False, key_display=":", id="app.palette", tooltip="every action"
    ),
    Binding("question_mark", "help", "help", key_display="?", id="app.help", tooltip="the keys"),
    Binding("q", "quit", "quit", id="app.quit", tooltip="quit"),
]
"""What changes how everything is shown, or leaves the screen."""
