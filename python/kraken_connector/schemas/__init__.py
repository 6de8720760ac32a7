"""Requests and replies of `kraken_connector.api`, under the names of kraken-connector 0.2.0."""

from __future__ import annotations

from .._installation import explain_missing_modules
from .add_order_request import AddOrderRequest
from .add_order_response import AddOrderResponse
from .add_order_result import AddOrderResult
from .add_order_result_descr import AddOrderResultDescr
from .asset_pair import AssetPair
from .cancel_all_orders_after_request import CancelAllOrdersAfterRequest
from .cancel_all_orders_after_response import CancelAllOrdersAfterResponse
from .cancel_all_orders_after_result import CancelAllOrdersAfterResult
from .cancel_all_orders_response import CancelAllOrdersResponse
from .cancel_all_orders_result import CancelAllOrdersResult
from .cancel_order_request import CancelOrderRequest
from .closed_order import ClosedOrder
from .extended_balance import ExtendedBalance
from .fee_tier_info import FeeTierInfo
from .get_closed_orders_response import GetClosedOrdersResponse
from .get_closed_orders_result import GetClosedOrdersResult
from .get_closed_orders_result_entries import GetClosedOrdersResultEntries
from .get_extended_balance_response import GetExtendedBalanceResponse
from .get_extended_balance_result import GetExtendedBalanceResult
from .get_open_orders_response import GetOpenOrdersResponse
from .get_open_orders_result import GetOpenOrdersResult
from .get_open_orders_result_entries import GetOpenOrdersResultEntries
from .get_open_positions_request import GetOpenPositionsRequest
from .get_open_positions_response import GetOpenPositionsResponse
from .get_open_positions_result import GetOpenPositionsResult
from .get_open_positions_result_entry import GetOpenPositionsResultEntry
from .get_orders_info_response import GetOrdersInfoResponse
from .get_orders_info_result import GetOrdersInfoResult
from .get_system_status_response import GetSystemStatusResponse
from .get_system_status_result import GetSystemStatusResult
from .get_tradable_asset_pairs_response import GetTradableAssetPairsResponse
from .get_tradable_asset_pairs_result import GetTradableAssetPairsResult
from .get_trade_history_response import GetTradeHistoryResponse
from .get_trade_history_result import GetTradeHistoryResult
from .get_trade_history_result_trades import GetTradeHistoryResultTrades
from .get_trades_info_response import GetTradesInfoResponse
from .get_trades_info_result import GetTradesInfoResult
from .get_websockets_token_response import GetWebsocketsTokenResponse
from .get_websockets_token_result import GetWebsocketsTokenResult
from .ohlc_response import OhlcResponse
from .ohlc_result import OhlcResult
from .open_order import OpenOrder
from .open_order_order_description import OpenOrderOrderDescription
from .order_book import OrderBook
from .order_book_response import OrderBookResponse
from .order_book_result import OrderBookResult
from .query_orders_info_request import QueryOrdersInfoRequest
from .recent_trades_response import RecentTradesResponse
from .recent_trades_result import RecentTradesResult
from .server_time import ServerTime
from .server_time_response import ServerTimeResponse
from .trade import Trade
from .trade_volume_fees import TradeVolumeFees
from .trade_volume_fees_maker import TradeVolumeFeesMaker
from .trade_volume_response import TradeVolumeResponse
from .trade_volume_result import TradeVolumeResult

__all__ = [
    "AddOrderRequest",
    "AddOrderResponse",
    "AddOrderResult",
    "AddOrderResultDescr",
    "AssetPair",
    "CancelAllOrdersAfterRequest",
    "CancelAllOrdersAfterResponse",
    "CancelAllOrdersAfterResult",
    "CancelAllOrdersResponse",
    "CancelAllOrdersResult",
    "CancelOrderRequest",
    "ClosedOrder",
    "ExtendedBalance",
    "FeeTierInfo",
    "GetClosedOrdersResponse",
    "GetClosedOrdersResult",
    "GetClosedOrdersResultEntries",
    "GetExtendedBalanceResponse",
    "GetExtendedBalanceResult",
    "GetOpenOrdersResponse",
    "GetOpenOrdersResult",
    "GetOpenOrdersResultEntries",
    "GetOpenPositionsRequest",
    "GetOpenPositionsResponse",
    "GetOpenPositionsResult",
    "GetOpenPositionsResultEntry",
    "GetOrdersInfoResponse",
    "GetOrdersInfoResult",
    "GetSystemStatusResponse",
    "GetSystemStatusResult",
    "GetTradableAssetPairsResponse",
    "GetTradableAssetPairsResult",
    "GetTradeHistoryResponse",
    "GetTradeHistoryResult",
    "GetTradeHistoryResultTrades",
    "GetTradesInfoResponse",
    "GetTradesInfoResult",
    "GetWebsocketsTokenResponse",
    "GetWebsocketsTokenResult",
    "OhlcResponse",
    "OhlcResult",
    "OpenOrder",
    "OpenOrderOrderDescription",
    "OrderBook",
    "OrderBookResponse",
    "OrderBookResult",
    "QueryOrdersInfoRequest",
    "RecentTradesResponse",
    "RecentTradesResult",
    "ServerTime",
    "ServerTimeResponse",
    "Trade",
    "TradeVolumeFees",
    "TradeVolumeFeesMaker",
    "TradeVolumeResponse",
    "TradeVolumeResult",
]

explain_missing_modules(__name__)
