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
# # A first account 第一个账户
#
# From a county's rasters and statistics to its gross ecosystem product (GEP), step by step. The county is
# synthetic: nothing here describes a real place.
#
# 从一个县的栅格和统计数据，一步步得到生态产品总值（GEP）。示例县纯属虚构，不对应任何真实地点。
#
# Run it from the folder `notebooks/` of a checkout, or open it in Jupyter with jupytext.
# 在源码的 `notebooks/` 文件夹中运行，或用装有 jupytext 的 Jupyter 打开。

# %%
import tempfile
from pathlib import Path

import gep

here = Path.cwd()
examples = next(p / "examples" for p in (here, *here.parents) if (p / "examples/county").is_dir())
gep.__version__

# %% [markdown]
# ## The standard is the program 标准就是程序
#
# A standard is a folder of small text files, one per service. Shipped are:
#
# 标准是一个文件夹，每项服务一个短小的文本文件。内置的有：

# %%
{name: f"{title.zh} / {title.en}" for name, title in gep.standards().items()}

# %% [markdown]
# The card of a service: formula, units, citation, coefficients, worked example, and how well each was checked.
#
# 一项服务的卡片：公式、单位、出处、系数、算例，以及各自的核对程度。

# %%
standard = gep.standard("rcees_2017")
standard["water_retention"]

# %%
for symbol, step in standard["water_retention"].steps.items():
    print(f"{symbol} = {step.checked.text}   [{step.unit}]   {step.title.zh} {step.title.en}")
    print(f"    {step.cite}, {step.verified}")

# %% [markdown]
# ## Check first 先检查
#
# A project file says which data, which standard, which year. `check` reads everything once and reports all problems
# together; nothing is written. A warning does not stop the run: it names what a reader of the account must know.
#
# 项目文件写明用哪些数据、哪个标准、哪一年。`check` 把所有输入读一遍，一次报告全部问题，不写任何文件。
# 警告不会中止计算，它说明账户的读者应当知道的事。

# %%
project = gep.Project.load(examples / "county" / "county.toml")
problems = project.check()
print(len(problems.errors), "errors,", len(problems.warnings), "warnings")
for problem in problems.warnings[:5]:
    print("-", str(problem).splitlines()[0])

# %% [markdown]
# A mistake is named with its place and its cure. Here rain is declared in metres:
#
# 出错时会指出位置和办法。这里把降雨的单位误写成了米：

# %%
try:
    gep.Project.build(
        examples / "teaching",
        title="rain in metres 降雨误写成米",
        standard="valley_2020",
        year=2020,
        price_year=2020,
        services=["water_retention"],
        extent={"file": "extent.csv"},
        inputs={
            "precipitation": {"value": 1000, "unit": "m/yr"},
            "evapotranspiration": {"value": 600, "unit": "mm/yr"},
        },
    ).run()
except gep.GepError as error:
    print(error)

# %% [markdown]
# ## Run 计算

# %%
account = project.run()
account

# %% [markdown]
# The tidy table: one row per zone, ecosystem and indicator. `quantity` is in `unit`, `value` in `currency`.
# Adding up `value` counts nothing twice; `covered` is the share of the area with complete data.
#
# 长表：每个分区、生态系统和指标一行。`quantity` 的单位是 `unit`，`value` 的货币是 `currency`。
# `value` 相加没有重复计算；`covered` 是数据完整的面积比例。

# %%
table = account.table
table[table["service"] == "water_retention"].head(8)

# %%
total = account.total("zone_name")
total

# %% [markdown]
# A chart, if matplotlib is installed (`pip install "gep-accounting[plot]"`). A Chinese font is shipped; `"en"` draws it in English.
#
# 若装有 matplotlib（`pip install "gep-accounting[plot]"`），可画成图。中文字体随软件提供；改为 `"en"` 即为英文图。

# %%
from gep import plot

try:
    chart = plot.account(account, "zh")
except gep.UsageError as no_matplotlib:
    chart = no_matplotlib
chart

# %% [markdown]
# ## Why is it this number? 这个数是怎么来的？
#
# The tree goes down to the clause, the row of the table and the input file with its SHA-256.
#
# 来历树一直追溯到条款、表中的行，以及带 SHA-256 的输入文件。

# %%
zone = str(account.dataset["zone"].values[0])
print("\n".join(line[:150] for line in str(account.why("water_retention", zone=zone)).splitlines()))

# %% [markdown]
# ## Another price, no guessing 换一个价格
#
# A project may replace a coefficient by its own number, with unit and source; the account marks it. Below, the
# teaching example of two villages: once as its standard says, once with water at twice the price.
#
# 项目可以用自己的数代替表中的系数，但要给出单位和来源，账户中会标明。下面是两个村的教学示例：
# 一次按标准计算，一次把水的价格加倍。

# %%
teaching = examples / "teaching"


def villages(standard="valley_2020", **more):
    """Return the account of the two villages. 两个村的账户。"""
    return gep.Project.build(
        teaching,
        title="Two villages 两个村",
        standard=standard,
        year=2020,
        price_year=2020,
        extent={"file": "extent.csv"},
        inputs={
            "precipitation": {"value": 1000, "unit": "mm/yr"},
            "evapotranspiration": {"table": "evapotranspiration.csv", "unit": "mm/yr"},
            "carbon_sequestration_rate": {"table": "carbon.csv", "unit": "tC/(hm²·yr)"},
        },
        statistics={"file": "statistics.csv"},
        **more,
    ).run()


before = villages()
dearer = {"value": 4, "unit": "CNY/m³", "price_year": 2020, "source": "this notebook 本笔记本"}
after = villages(coefficients={"prices.reservoir_capacity": dearer})
compared = before.total("service").set_index("service")[["value"]]
compared["value_after"] = after.total("service").set_index("service")["value"]
compared

# %%
water = compared.loc["water_retention"]
assert water["value_after"] == 2 * water["value"]

# %% [markdown]
# ## A standard of your own 自己的标准
#
# Copy the teaching standard into any folder, change a file, give its path. No Python, no installation. Here the
# coefficient of runoff in forests becomes 20 %.
#
# 把教学标准复制到任意文件夹，改一个文件，给出路径即可，不需要 Python，也不需要安装。这里把森林的径流系数改为 20 %。

# %%
import shutil

with tempfile.TemporaryDirectory() as folder:
    mine = Path(shutil.copytree(teaching / "valley_2020", Path(folder) / "valley_2020"))
    table = mine / "coefficients" / "runoff.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    changed = [line.replace("forest,10", "forest,20") for line in lines]
    assert changed != lines
    table.write_text("\n".join(changed) + "\n", encoding="utf-8")
    own = villages(standard=str(mine))

print(before.why("water_retention", zone="upper"))
print()
print(own.why("water_retention", zone="upper"))

# %% [markdown]
# ## Save 保存
#
# The folder appears whole or not at all: a tidy CSV, an Excel workbook, netCDF, and the provenance.
#
# 输出文件夹要么完整出现，要么不出现：CSV 长表、Excel 工作簿、netCDF 和来源记录。

# %%
with tempfile.TemporaryDirectory() as folder:
    saved = account.save(Path(folder) / "county")
    print(sorted(path.name for path in saved.iterdir()))
    again = gep.Account.load(saved)
    assert again.total("zone")["value"].tolist() == account.total("zone")["value"].tolist()
