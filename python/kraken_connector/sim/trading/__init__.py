"""Trading on the simulated exchange: the account's orders, from requests to fills and balances.

| module | what |
|---|---|
| `order` | an order and a fill |
| `refusals` | the texts that refuse requests |
| `fields` | which keys a request may have, and of what type |
| `terms` | from the params of a request to an order, checked against the pair |
| `ledger` | balances, and what open orders hold of them |
| `records` | the orders and fills, and the reports of every change |
| `stream` | the reports' way to the subscribers |
| `own` | the account's place in the queue of a price |
| `matching` | orders against the market |
| `desk` | the order methods |
"""
