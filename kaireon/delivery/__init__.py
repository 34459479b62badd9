"""The one way out: outbound HTTP and e-mail as rows, sent, signed, retried, given up and sent again by hand.

outbox      what is to be sent, written in the transaction of whoever wants it sent
claims      what is due, taken on a lease after its source was asked (gates)
messages    secrets filled in, headers checked, signed
http        the request itself, to an address that was checked (addresses), within a deadline
mail        the same for an e-mail, by Django's backends (smtp keeps the deadline)
connecting  connections within a deadline, for both
retries     what an answer means, and when the next attempt is due
results     attempts recorded, deliveries moved on
sender      the loop round these; tasks starts it
"""
