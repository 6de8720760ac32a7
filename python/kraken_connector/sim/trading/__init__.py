"""Trading on the simulated exchange: the account's orders, from requests to fills and balances.

| module | what |
|---|---|
| `order` | an order and a fill |
| `refusals` | the texts that refuse requests |
| `fields` | which keys a request may have, and of what type |
| `terms` | from the params of a request to an order, checked against the pair |
| `changes` | what an amend or an edit makes of an order |
| `ledger` | balances, and what open orders hold of them |
| `records` | the orders and fills, and the reports of every change |
| `stream` | the reports' way to the subscribers |
| `own` | the account's place in the queue of a price |
| `matching` | orders against the market |
| `triggers` | orders that wait for a price |
| `conditional` | orders that close what a fill opened |
| `funds` | what an order needs before it may trade |
| `agenda` | what is to happen at a time |
| `dead_man` | the timer that cancels all orders |
| `rate` | the rate counters |
| `shapes` | the answers whose shape the sources do not agree on |
| `stamps` | the timestamps of reports |
| `lag` | a stream that shows the past |
| `faults` | what goes wrong with requests and replies, on command |
| `arrivals` | what such a fault does with a request |
| `report_faults` | what goes wrong with reports and snapshots, on command |
| `desk` | the order methods |
"""
