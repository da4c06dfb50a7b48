"""A state machine over everything that households, links and rights are changed by, beside a plain model (I1–I16).

`model`, `families` and `links` say what should become of it, written from SPEC 4.3–4.5 and knowing neither a database
nor the code that they judge; `rights` is the table of SPEC 4.4. `world` is the cabinet with its database, registry and
bank, `machine` compares the two, `picture` and `invariants` look at what is stored, and each of the other files has the
steps of one feature. Every step is somebody's call of GraphQL over HTTP, or what only the operator or time does.
"""
