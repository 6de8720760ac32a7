"""The REST API of the simulated exchange: the same account and markets as on its sockets.

| module | content |
|---|---|
| `api` | from an HTTP request to its response: finds the call, checks it, carries it out |
| `call` | a call: its parameters, the permissions it needs, its cost |
| `venue` | the parts of the exchange that calls use, and the settings |
| `envelope` | answers as JSON |
| `forms` | parameters of query strings, forms and JSON bodies, and their types |
| `signing` | signatures of private calls |
| `key` | the API key: nonces and permissions, `GetApiKeyInfo`, `GetWebSocketsToken` |
| `counter` | the rate counter of the key |
| `names` | the names of pairs and assets on REST |
| `numbers` | numbers and times as REST writes them |
| `pages` | pages of 50 rows and their bounds |
| `public` | market data |
| `orders` | orders as REST shows them |
| `trades` | fills as REST shows them |
| `account` | balances, volume and fees |
| `positions` | margin positions |
| `fees` | the fee schedule |
| `terms` | the parameters of orders, translated into those of the socket's order methods |
| `trading` | the calls that change orders |
| `rules` | faults that are in force |
| `garbled` | answers that are not as documented |
| `faults` | the faults, for tests to call |
"""
