"""`league estimate`: what an event will need, cost and keep waiting, before a cent is spent.

assumptions   what is assumed of AWS and of people, each figure with its source
demand        who asks for a model, and when
workload      how long a model trains, answers and is judged
lines         the slots, granted by the product's own rule; the judge's shared tokens
simulation    one league from the first POST to the last score
costs         what it comes to
quotas        the smallest quotas that keep the wait short
scenarios     what each choice changes
estimate      all of it together
report, plot  tables, a page, a picture
"""
