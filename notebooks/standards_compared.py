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
# # One place under nine standards 同一地区，九个标准
#
# How much of a county's GEP is the county, and how much is the standard? The same data go through the national and
# provincial standards in one pass, and every difference is taken apart exactly. First a synthetic county (invented
# data), then, where its data are present, the real Gura catchment in Kenya: there it is the rules that are compared,
# with Chinese prices, and the result is no account of Kenya.
#
# 一个县的 GEP，多少取决于该县，多少取决于所用标准？同一套数据一次计算即得各国家和省、市标准的结果，每一处差异都精确分解。
# 先用合成示例县（数据虚构）；若有数据，再用肯尼亚真实的古拉（Gura）流域：那里比较的是规则，价格取自中国，结果不是肯尼亚的账户。
#
# Most texts could not be read in full: their formulas are marked *recalled*, and the tables below say how much rests on that.
#
# 多数标准未能读到全文，公式标为“凭记忆”，下面的表注明有多少价值依赖于此。

# %%
import os
import tempfile
from pathlib import Path

import pandas as pd

import gep
from gep import plot

STANDARDS = [
    "mee_2020", "cn_2022", "zhejiang_2020", "lishui_2020", "shenzhen_2021",
    "beijing_2022", "jiangxi_2021", "shandong_2022", "gbt_46869_2025",
]  # the first is the reference 第一个为基准
PARTS = ["catalogue", "method", "coefficients", "prices"]
pd.options.display.width, pd.options.display.max_columns, pd.options.display.max_colwidth = 220, 20, None

here = Path.cwd()
checkout = next(p for p in (here, *here.parents) if (p / "examples" / "county").is_dir())
{name: f"{gep.standard(name).title.zh} / {gep.standard(name).title.en}" for name in STANDARDS}

# %% [markdown]
# ## The county 合成示例县
#
# `examples/county/standards.toml` gives every quantity that these standards ask of an inland county. One call reads the
# rasters once and makes nine accounts.
#
# `examples/county/standards.toml` 给出这些标准要求内陆县提供的全部数据。一次调用只读一遍栅格，得到九个账户。

# %%
county = gep.Project.load(checkout / "examples" / "county" / "standards.toml")
found = gep.compare(county, STANDARDS)


# %% [markdown]
# Services by standards, in 亿元 (10⁸ CNY, prices of 2020). `·`: the standard does not count the service. `?`: it does, but
# the county has no data for it, here the coast. The last row is how much of the value rests on formulas or numbers that
# were recalled: a value counts by the weakest thing that it uses.
#
# 各项服务 × 各标准，单位亿元（2020 年价格）。`·`：该标准不计此项；`?`：计入但无数据，此处为海岸带防护。最后一行为依赖“凭记忆”公式或
# 数值的价值比例：每个价值按其所用各项中最弱的一项归类。

# %%
def beside(compared, scale, digits, lacking=True):
    """Return a table of services by standards, with totals below. 服务 × 标准，下附合计。"""
    table = compared.table
    services, names = table["service"].unique(), list(compared.accounts)
    rows = table.set_index(["service", "standard"]).reindex(pd.MultiIndex.from_product([services, names]))
    shown = (rows["value"] / scale).map(f"{{:,.{digits}f}}".format).where(rows["state"] == "computed", "·")
    shown = shown.mask(rows["state"] == "not computed", "?").unstack()[names]
    titles = table.drop_duplicates("service").set_index("service")
    shown.index = shown.index.map(titles["title_zh"] + " " + titles["title_en"])
    shown = shown.reindex((titles["title_zh"] + " " + titles["title_en"]).tolist())
    if not lacking:
        shown = shown[~shown.isin(["·", "?"]).all(axis=1)]
    total = compared.total().set_index("standard").loc[names]
    species = table[table["service"] == "species_conservation"].groupby("standard")["value"].sum()
    for name, values in (
        ("GEP", total["value"]),
        ("GEP without species 不计物种保育", total["value"] - species.reindex(names).fillna(0)),
    ):
        shown.loc[name] = (values / scale).map(f"{{:,.{digits}f}}".format)
    shown.loc["recalled 凭记忆"] = total["recalled"].map("{:.1%}".format)
    return shown


beside(found, 1e8, 3)

# %% [markdown]
# The standards mostly agree on what the ecosystems do and disagree on what it is worth: GEP of the dearest is more than one and a half
# times that of the cheapest, on the same data.
#
# 各标准对生态系统“做了什么”大体一致，对“值多少”看法不同：同一套数据，最高的 GEP 是最低的一倍半以上。

# %%
gep_by_standard = found.total().set_index("standard")["value"]
print((gep_by_standard / gep_by_standard["mee_2020"]).round(3).to_string())
assert gep_by_standard.max() > 1.5 * gep_by_standard.min()


# %%
def largest(compared, count=7):
    """Return the values of the largest services and of all others together. 最大的几项，其余合并。"""
    table = compared.table[compared.table["state"] == "computed"]
    order = table.groupby("service")["value"].max().sort_values(ascending=False).index[:count]
    kept = table[table["service"].isin(order)].sort_values("service", key=lambda s: s.map(list(order).index), kind="stable")
    names = ["standard", "standard_title_en", "standard_title_zh"]
    rest = table[~table["service"].isin(order)].groupby(names, sort=False, as_index=False)["value"].sum()
    rest = rest.assign(service="others", title_en="All others", title_zh="其余各项")
    both = pd.concat([kept, rest])
    return both.sort_values("standard", key=lambda s: s.map(list(compared.accounts).index), kind="stable")


plot.compared(largest(found), "zh")

# %%
plot.compared(largest(found), "en")

# %% [markdown]
# ## Why they differ 为什么不同
#
# The difference of each GEP from that of the guideline of 2020, taken apart into catalogue (what is counted at all), method
# (formulas), coefficients and prices. The parts add up to the difference: nothing is left over.
#
# 各标准的 GEP 与 2020 年技术指南之差，分解为指标目录（计哪些项）、方法（公式）、系数和价格四部分，各部分之和恰等于总差。

# %%
def adds_up(compared):
    """Check the decomposition, service by service and as a whole. 核对分解，逐项及合计。"""
    services = compared.decomposition
    gap = (services[PARTS].sum(axis=1) - services["difference"]).abs()
    assert (gap <= 1e-9 * services["difference"].abs().clip(lower=1)).all()
    total = compared.total().set_index("standard")
    reference = total.loc[compared.reference, "value"]
    for name, row in total.drop(compared.reference).iterrows():
        difference = row["value"] - reference
        assert abs(row[PARTS].sum() - difference) <= 1e-9 * reference, name
    return total.drop(compared.reference)[["difference", *PARTS]]


(adds_up(found) / 1e8).round(3)

# %% [markdown]
# Which services make the difference: the largest parts of cn_2022 and of GB/T 46869 against the guideline, in 亿元.
#
# 差异来自哪些服务：国家规范（cn_2022）和 GB/T 46869 相对技术指南的最大几项，单位亿元。

# %%
parts = found.decomposition[found.decomposition["standard"].isin(["cn_2022", "gbt_46869_2025"])]
parts = parts.loc[parts["difference"].abs().sort_values(ascending=False).index].groupby("standard", sort=False).head(5)
parts = parts.sort_values("standard", kind="stable").set_index(["standard", "service"])
(parts / 1e8).round(3)

# %% [markdown]
# The rules behind one of these lines, as a reviewer reads them: what the guideline has (`-`) and what the national
# specification has (`+`).
#
# 其中一项背后的规则，如审阅者所见：技术指南为 `-`，国家规范为 `+`。

# %%
rules = gep.diff("mee_2020", "cn_2022")
print(rules.text("zh", service="water_retention"))
print(rules.text("en", service="water_retention"))

# %% [markdown]
# ## An order of magnitude in one line 一行公式，一个数量级
#
# The same water, four ways to price or to measure it, all in circulation under the specification of 2022: the yearly cost of
# a reservoir, its full cost of construction, the price of traded water, and water counted by supply (used plus net outflow).
# They are variants, files of their own, chosen by name.
#
# 同样的水，国家规范之下流传的四种计价或计量办法：水库年成本、水库全部造价、水权市场价格，以及按供水量（用水量加净流出）计量。
# 它们是变体，各为一个文件，按名称选用。

# %%
ways = ["cn_2022", *(f"cn_2022+water_retention_{way}" for way in ("full_cost", "market_price", "by_supply"))]
water = gep.Project.build(county.base, **{**county.tables, "services": ["water_retention"]})
variants = gep.compare(water, ways)
shown = variants.quantities.set_index("standard")[["quantity", "unit"]]
shown["value 亿元"] = variants.total().set_index("standard")["value"] / 1e8
shown["× cn_2022"] = shown["value 亿元"] / shown.loc["cn_2022", "value 亿元"]
assert shown.loc["cn_2022+water_retention_full_cost", "× cn_2022"] > 10
adds_up(variants)
shown.round(3)

# %% [markdown]
# ## Supply and demand 供给与需求
#
# Some rules keep apart what the ecosystems could do (capacity), what people put before them (demand) and what is counted
# (flow: the smaller of the two). Under cn_2022, by township:
#
# 有些规则把生态系统能做的（能力）、人类排放的（需求）和实际计入的（流量，取二者较小者）分列。以 cn_2022 为例，按乡镇：

# %%
both = found.accounts["cn_2022"].supply_and_demand
assert (both["flow"] <= both[["capacity", "demand"]].min(axis=1) * (1 + 1e-12)).all()
limit = both["capacity"].lt(both["demand"]).map({True: "capacity 能力", False: "demand 需求"})
both = both.assign(limit=limit)[both["service"] == "water_purification"]
both.drop(columns=["service", "zone"]).round(2)

# %% [markdown]
# ## Gura, real data 古拉流域，真实数据
#
# A catchment of 108 km² on the slopes of the Aberdares, from the sample data of the InVEST freshwater models (not shipped here;
# they are looked for in the folder that `GEP_SHARED_DATA` names, or in `../shared` beside the checkout). Land use and the
# elevation are at 15 m, rain and reference evapotranspiration are monthly at 1 km.
#
# 阿伯德尔山麓 108 km² 的流域，取自 InVEST 淡水模型的示例数据（本软件不附带；在环境变量 `GEP_SHARED_DATA` 所指文件夹或源码旁的
# `../shared` 中查找）。土地利用和高程为 15 m，逐月降水和参考蒸散发为 1 km。
#
# Assumptions of this notebook, none of them from Kenya's offices: actual evapotranspiration is the crop coefficient of the table
# times reference evapotranspiration, at most the rain; K is 0.020 t·h/(MJ·mm) everywhere; the runoff coefficients of fields, roads
# and towns; a depreciation of 3 % and 0.1 CNY/m³ of operation for a reservoir; nobody runs an air conditioner at 1,600 to
# 3,100 m. Erosivity is computed from the monthly rain by a registered function, slope and slope length from the elevation.
#
# 本笔记本的假设，均非肯尼亚部门的数据：实际蒸散发 = 表中作物系数 × 参考蒸散发，且不超过降水；K 处处为 0.020 t·h/(MJ·mm)；农田、
# 道路和城镇的径流系数；水库折旧率 3 %、运营成本 0.1 元/m³；海拔 1600～3100 m 处无人开空调。侵蚀力由逐月降水经内置函数计算，坡度和
# 坡长由高程推算。

# %%
shared = Path(os.environ.get("GEP_SHARED_DATA") or checkout.parent / "shared")
gura = next((p for p in (shared / "data" / "gura", shared / "gura") if p.is_dir()), None)
if gura is None:
    print("The data of Gura are not here: this part is skipped. 未找到古拉流域数据，跳过此部分。")

# %%
LEGEND = """
title = { en = "Land use of Gura", zh = "古拉流域土地利用" }
source = "land_use_gura_classes.csv; the classes are the choice of this notebook"
nodata = [255]
[codes]
1 = { en = "Urban", zh = "城镇" }
3 = { en = "Grass", zh = "草地" }
5 = { en = "General agriculture", zh = "农业" }
6 = { en = "Tea", zh = "茶" }
7 = { en = "Coffee", zh = "咖啡" }
8 = { en = "Forest", zh = "森林" }
9 = { en = "Water", zh = "水体" }
11 = { en = "Forest plantation", zh = "人工林" }
18 = { en = "Unpaved road", zh = "土路" }
19 = { en = "Agroforestry", zh = "农林复合" }
[to.national_ecosystems]
1 = "town"
3 = "tropical_tussock"
5 = "dry_cropland"
6 = "shrub_garden"
7 = "garden"
8 = "evergreen_broadleaf_forest"
9 = "open_water"
11 = "evergreen_needleleaf_forest"
18 = "industry_traffic"
19 = "tree_garden"
"""


def annual_evapotranspiration(folder):
    """Write ET = min(Kc · ET0, rain), on the land use. 写出实际蒸散发栅格。"""
    import numpy as np
    import rasterio
    from rasterio.warp import Resampling, reproject

    with rasterio.open(gura / "land_use_gura_15m.tif") as source:
        use, profile = source.read(1), source.profile
    year = {}
    for name in ("et0", "precip"):
        with rasterio.open(gura / f"{name}_monthly_mm_1km.tif") as source:
            coarse = source.read(masked=True).astype("float64").filled(np.nan).sum(axis=0)
            year[name] = np.full(use.shape, np.nan)
            reproject(
                coarse, year[name], src_transform=source.transform, src_crs=source.crs, src_nodata=np.nan,
                dst_transform=profile["transform"], dst_crs=profile["crs"], dst_nodata=np.nan,
                resampling=Resampling.nearest,
            )
    kc = pd.read_csv(gura / "biophysical_table_gura.csv").set_index("lucode")["Kc"].reindex(range(256))
    et = np.minimum(kc.to_numpy()[use] * year["et0"], year["precip"]).astype("float32")
    profile.update(dtype="float32", nodata=float("nan"))
    with rasterio.open(folder / "et.tif", "w", **profile) as target:
        target.write(et, 1)


def gura_accounts(folder):
    """Return Gura under all standards. 古拉流域，各标准。"""
    (folder / "gura.toml").write_text(LEGEND, encoding="utf-8")
    annual_evapotranspiration(folder)
    table = pd.read_csv(gura / "biophysical_table_gura.csv").set_index("lucode")
    classes = {
        1: "town", 3: "tropical_tussock", 5: "dry_cropland", 6: "shrub_garden", 7: "garden", 8: "evergreen_broadleaf_forest",
        9: "open_water", 11: "evergreen_needleleaf_forest", 18: "industry_traffic", 19: "tree_garden",
    }
    for name in ("usle_c", "usle_p"):
        rows = [f"{ecosystem},{table.loc[code, name]},biophysical_table_gura.csv" for code, ecosystem in classes.items()]
        (folder / f"{name}.csv").write_text("\n".join(["ecosystem,value,source", *rows]) + "\n", encoding="utf-8")
    dem = {"file": str(gura / "dem_gura_15m.tif"), "unit": "m"}
    monthly = {"file": str(gura / "precip_monthly_mm_1km.tif"), "unit": "mm/yr"}
    assumed = "assumed in this notebook 本笔记本假设"
    project = gep.Project.build(
        folder,
        title="Gura under Chinese rules 古拉流域（套用中国标准的规则）",
        standard="mee_2020", year=2020, price_year=2020, price_index="cn_cpi",
        zones={"file": str(gura / "subwatersheds_gura.geojson"), "id": "subws_id", "name": "subws_id"},
        land_cover={"file": str(gura / "land_use_gura_15m.tif"), "legend": "gura.toml"},
        inputs={
            "precipitation": {**monthly, "bands": "sum"},
            "evapotranspiration": {"file": "et.tif", "unit": "mm/yr"},
            "rainfall_erosivity": {
                "derive": "monthly_erosivity_wischmeier", "rain": monthly,
                "offset": {"value": 0.8188, "unit": "1"}, "unit_factor": {"value": 17.02, "unit": "1"},
            },
            "soil_erodibility": {"value": 0.020, "unit": "tsoil·h/(MJ·mm)", "source": assumed},
            "slope": {"derive": "slope", "elevation": dem},
            "slope_length": {"derive": "slope_length", "elevation": dem, "cap": {"value": 120, "unit": "m"}},
            "cover_factor": {"table": "usle_c.csv", "unit": "1"},
            "support_practice_factor": {"table": "usle_p.csv", "unit": "1"},
            "cooling_days": {"value": 0, "unit": "d/yr", "source": assumed},
            "water_surface_evaporation": {"value": 0, "unit": "mm/yr", "source": assumed},
            "cooling_season_evapotranspiration": {"value": 0, "unit": "mm/yr", "source": assumed},
            "dry_evaporation_share": {"value": 0, "unit": "1", "source": assumed},
            "reservoir_depreciation_share": {"value": 0.03, "unit": "1", "source": assumed},
            "reservoir_operation_cost": {"value": 0.1, "unit": "CNY/m³", "price_year": 2020, "source": assumed},
        },
        coefficients={
            f"rcees_2017/runoff.alpha.{name}": {"value": share, "unit": "%", "source": assumed}
            for name, share in {"dry_cropland": 25, "town": 60, "industry_traffic": 70}.items()
        },
    )
    return gep.compare(project, STANDARDS)


real = None
if gura is not None:
    with tempfile.TemporaryDirectory() as temporary:
        real = gura_accounts(Path(temporary))
beside(real, 1e8, 3, lacking=False) if real else None

# %% [markdown]
# Rows without data for Gura are left out. The quantities behind the values, under the guideline and GB/T 46869:
#
# 古拉流域没有数据的行从略。技术指南与 GB/T 46869 之下的功能量：

# %%
columns = ["standard", "service", "title_zh", "title_en", "quantity", "unit"]
if real:
    print(real.quantities[real.quantities["standard"].isin(["mee_2020", "gbt_46869_2025"])][columns].to_string(index=False))

# %% [markdown]
# The water is the same in m³ and the soil nearly so; what a m³ of water is worth makes the difference. Chart and decomposition:
#
# 各标准的水量相同，土壤量几乎相同，差异在于每立方米水的价值。图与分解：

# %%
plot.compared(largest(real, 3), "zh") if real else None

# %%
(adds_up(real) / 1e8).round(3) if real else None
