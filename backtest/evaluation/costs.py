"""What a trade costs: the settings of the strategies after costs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

BASIS_POINT = 1e-4


class CostSettings(BaseModel):
    """What a trade costs, and what a forecast must promise before it is traded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fee: float = Field(default=10.0, ge=0, allow_inf_nan=False, description="per trade, basis points of its amount")
    slippage: float = Field(default=2.0, ge=0, allow_inf_nan=False, description="loss on the price, basis points")
    threshold: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="trade forecasts beyond this many costs of a trade; 0: all"
    )

    @property
    def per_trade(self) -> float:
        """Fee and slippage as a share of the traded amount."""
        return (self.fee + self.slippage) * BASIS_POINT
