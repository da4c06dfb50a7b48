"""A state machine over everything that moves a payer's money, step by step beside a plain model (I17).

`model` says what should become of it, `world` is our code with its database and a bank, `machine` compares the two,
and each of the other files has the steps of one feature.
"""
