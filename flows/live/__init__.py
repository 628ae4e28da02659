"""Live updates of a line: what the flows `live_update` and `live_watch` do.

`production`: what an update starts from. `slots`: which slot of a schedule is missed or too short. `update`: one
update, from outcomes to the decision. `inline`: the same in this process. `decide`: register, promote or keep, and
finish what an ended update left. `watch`: one look at a swap, and whether an update is due. `show`: what the UI shows.
"""
