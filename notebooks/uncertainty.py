# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How sure is this number? 这个数有多可靠？
#
# A gross ecosystem product is made of measured rasters, coefficients from the literature and prices, and each of
# them could be another number. This notebook asks what interval the account of the synthetic county has, which
# numbers make it so wide, and what other numbers would give. Everything below is synthetic: the county, and how
# uncertain its numbers are said to be.
#
# 生态产品总值由栅格数据、文献系数和价格算出，而其中每一个数都可能是另一个数。本笔记本回答：合成示例县的账户
# 处在什么区间？区间为什么这么宽？换一些数会得到什么？县和各数的不确定程度都是虚构的。
#
# Run it from the folder `notebooks/` of a checkout, or open it in Jupyter with jupytext.
# 在源码的 `notebooks/` 文件夹中运行，或用装有 jupytext 的 Jupyter 打开。

# %%
from pathlib import Path

import gep
from gep import plot

here = Path.cwd()
examples = next(p / "examples" for p in (here, *here.parents) if (p / "examples/county").is_dir())
account = gep.Project.load(examples / "county" / "county.toml").run()
account.total(())

# %% [markdown]
# ## What is uncertain 哪些数不确定
#
# A table of coefficients may say how uncertain its numbers are (`uncertainty` in its sidecar). Those of this
# standard do not say it, so we do: a shape, and its numbers in the unit of the coefficient or relative to it. What
# nobody speaks of stays fixed, and the result lists it.
#
# 系数表可以写明各数的不确定性（表说明文件中的 `uncertainty`）。本标准的表没有写，因此由我们给出：分布形状，以及
# 以系数单位或相对值表示的参数。没有说明的数保持不变，结果中会列出。

# %%
spread = {
    "prices.electricity": ("normal", 0.1, "relative"),  # ± 10 %
    "prices.reservoir_capacity": ("triangular", 5, 11),  # CNY/m³
    "prices.carbon_afforestation": ("discrete", [150, 380, 700], [1, 2, 1]),  # three opinions 三种意见
    "rcees_2017/runoff.alpha": ("normal", 0.15, "relative"),  # each class for itself 各类独立
    "rcees_2017/runoff.alpha.town": ("uniform", 40, 80, "%"),
}

# %% [markdown]
# Inputs have errors too. Without a unit the error is a factor around 1; with a unit something is added. One draw
# holds for the whole county, unless we say `by = "zone"`.
#
# 输入数据也有误差。不写单位时误差是 1 附近的倍数；写了单位则是加上去的量。一次抽样对全县相同，除非写明
# `by = "zone"`（逐分区）。

# %%
inputs = {
    "precipitation": ("normal", 0.05),
    "evapotranspiration": ("normal", 30, "mm/yr"),
    "tourism_receipts": {"shape": "lognormal", "gsd": 1.2, "by": "zone"},
}

# %% [markdown]
# ## Intervals 区间
#
# Ten thousand draws take seconds: they are evaluated from the class sums, no raster is read again, and every draw is
# exactly what a run with its numbers would give. The seed makes the result repeatable.
#
# 一万次抽样只需几秒：直接用各类汇总量计算，不再读取栅格，而每次抽样都与用这些数重新核算的结果完全一致。
# 种子使结果可以重复。

# %%
found = account.uncertainty(10_000, seed=2020, spread=spread, inputs=inputs)
print(found.text("zh"))

# %%
found.by_service()[["title_en", "estimate", "low", "high", "unit"]].round(-4)

# %%
try:
    chart = plot.intervals(found.by_service(), "zh")
except gep.UsageError as no_matplotlib:
    chart = no_matplotlib
chart

# %% [markdown]
# ## Which numbers make it so wide? 区间为什么这么宽？
#
# The Sobol indices share the variance out. *First-order*: what the number explains alone; *total*: with what it does
# together with others. The chart moves one number at a time to the ends of its interval.
#
# Sobol 指数分解总方差。*一阶指数*：该数单独解释的份额；*总指数*：再加上它与其他数的交互作用。
# 图中每次只把一个数移到其区间的两端。

# %%
whose = account.sensitivity(1024, seed=2020, spread=spread, inputs=inputs)
whose.indices()[["factor", "first", "first_error", "total", "total_error"]].head(6).round(3)

# %%
assert abs(whose.indices()["first"].sum() - 1) < 0.1  # mostly apart from each other 交互作用很小

try:
    chart = plot.tornado(whose.tornado(), "zh", most=8)
except gep.UsageError as no_matplotlib:
    chart = no_matplotlib
chart

# %%
try:
    chart = plot.tornado(whose.tornado("water_retention"), "en", most=6)
except gep.UsageError as no_matplotlib:
    chart = no_matplotlib
chart

# %% [markdown]
# Collecting better numbers pays where the bars are long: here the price of electricity, not the runoff coefficient of
# the shrubs.
#
# 想缩小区间，应当改进最长的几条所对应的数：这里是电价，而不是灌木的径流系数。
#
# ## Where the rasters are needed 何时需要栅格
#
# Soil retention has coefficients *inside* a formula per cell (the cover factor is an exponential of cover). Such a
# formula is not separable in them: the sums are made again from the rasters for every draw. That is exact, takes
# time, and is refused when it would take too long. `gep show rcees_2017 cover_factor` says which numbers those are.
#
# 土壤保持的某些系数位于逐像元公式*内部*（植被覆盖因子是覆盖度的指数函数），公式对它们不可分离：每次抽样都要用
# 栅格重新求和。结果同样精确，但需要时间，太久时会拒绝并说明原因。`gep show rcees_2017 cover_factor` 列出这些数。

# %%
cover = {"hj_1173_2021/cover_factor.c_30.forest": ("uniform", 0.8, 1.2, "relative")}
print(account.uncertainty(16, seed=1, spread=cover).inside["soil_retention.D_s"])

# %%
try:
    account.uncertainty(100_000, seed=1, spread=cover)
except gep.GepError as error:
    print(error)

# %% [markdown]
# ## What if? 如果……
#
# Another price, at once: the class sums are there, only the price is new, here at prices of 2020 (the standard's own
# 0.53 CNY/kWh is of an earlier year, and the index brings it to 2020). The result is an account like any other,
# marked as a what-if in its provenance.
#
# 换一个价格，立即得到新账户：各类汇总量已经在手，只有价格是新的，这里按 2020 年价格给出（标准中的 0.53 元/kWh
# 是较早年份的价格，由指数换算到 2020 年）。结果与其他账户一样，来源记录中标明是假设。

# %%
import pandas as pd

prices = (0.5, 0.6, 0.7, 0.8)  # CNY/kWh
repriced = [account.with_(prices={"prices.electricity": (p, "CNY/kWh")}).account for p in prices]
pd.DataFrame(
    {
        "CNY/kWh": prices,
        "GEP 亿元/年 (10⁸ CNY/yr)": [a.total(())["value"].iloc[0] / 1e8 for a in repriced],
    }
).round(2)

# %%
gained = [a.total(())["value"].iloc[0] for a in repriced]
slopes = [(b - a) / (q - p) for a, b, p, q in zip(gained, gained[1:], prices, prices[1:])]
assert max(slopes) - min(slopes) < 1e-6 * max(slopes)  # a price enters as a factor 价格是一个乘数

# %% [markdown]
# A scenario: a tenth of the dry cropland becomes evergreen forest. The land takes the mean rates of its new class in
# the same township; what is counted for a township as a whole (harvests, visitors) stays as it is.
#
# 情景：十分之一的旱地变为常绿阔叶林。变化的土地取所在乡镇新类型的平均单位面积量；按乡镇统计的量
# （收获、游客）保持不变。

# %%
forest = account.with_(
    land_cover_change=[("dry_cropland", "evergreen_broadleaf_forest", 0.1)]
)
change = forest.difference.groupby("service", sort=False)[["before", "after", "change"]].sum()
(change[change["change"].abs() > 1] / 1e4).round(1)  # 万元/年

# %% [markdown]
# Is the gain more than the uncertainty? The same seed draws the same numbers for both accounts, so the differences
# of the draws are those of the scenario alone.
#
# 增加的价值是否超过不确定性？同一种子对两个账户抽到同样的数，逐次相减便只剩情景本身的影响。

# %%
after = forest.account.uncertainty(10_000, seed=2020, spread=spread, inputs=inputs)
assert list(after.drawn) == list(found.drawn)
gain = (after.samples["total"] - found.samples["total"]) / 1e4
gain.quantile([0.025, 0.5, 0.975]).round(0).rename("万元/年 (10⁴ CNY/yr)")
