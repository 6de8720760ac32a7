"""Trading on the simulated exchange: from the requests of order methods to fills and balances.

| module | content |
|---|---|
| `order_methods` | carries out each order method |
| `order` | an order and a fill |
| `refusals` | the error texts of refused requests |
| `fields` | the keys of each request and their types |
| `terms` | makes an order from the params of a request, and checks it |
| `changes` | applies an amend or an edit to an order |
| `ledger` | balances, and the part that open orders hold |
| `records` | the account's orders and fills, and the reports of every change |
| `stream` | sends the reports to subscribers |
| `own` | the account's positions in the queues of the book |
| `matching` | the matching engine |
| `triggers` | orders that wait for a trigger price |
| `conditional` | conditional close orders |
| `funds` | the funds that an order needs |
| `schedule` | actions that are due at a time |
| `cancel_timer` | the dead man's timer, which cancels all orders |
| `rate` | the rate counters |
| `shapes` | the answers on whose shape the sources do not agree |
| `stamps` | the timestamps of reports |
| `lag` | a private stream that is late |
| `faults` | faults on requests and replies |
| `request_acts` | what such a fault does with a request |
| `report_faults` | faults on reports and snapshots |
| `report_rules` | the rules on reports that are in force |
"""
